//! What is not written one behind the other: branches, and what is repeated.

use serde_json::Value;

use super::Compiler;
use super::Size;
use crate::program::op::Branch;
use crate::program::op::Lookup;
use crate::program::op::Op;
use crate::program::op::Pick;
use crate::program::op::Selector;
use crate::program::said::Said;
use crate::program::varint;
use crate::schema::FieldError;
use crate::schema::Kind;
use crate::schema::Shape;

impl Compiler<'_> {
    /// Compiles a union: one of its branches, as likely as the others unless `weights` say more.
    pub(super) fn union(
        &mut self,
        shape: &Shape<'_>,
        weights: Option<&[f64]>,
    ) -> Result<(), FieldError> {
        let Kind::Union(branches) = &shape.kind else { return Ok(()) };
        let heavy = |at: &usize| weights.is_none_or(|weights| weights[*at] > 0.0);
        let kept: Vec<usize> = (0..branches.len()).filter(heavy).collect();
        if let [only] = kept[..] {
            return self.branch_of(branches, only, None);
        }
        let weights: Vec<f64> = kept.iter().map(|at| weights.map_or(1.0, |w| w[*at])).collect();
        let selector = Selector::Odds(Pick::by_weight(&weights));
        let targets = (0..kept.len()).collect();
        self.branches(selector, targets, kept.len(), |compiler, body| {
            compiler.branch_of(branches, kept[body], None)
        })
    }

    /// Compiles one branch of a union: its number, then its value.
    pub(super) fn branch_of(
        &mut self,
        branches: &[Shape<'_>],
        number: usize,
        said: Option<Said<'_>>,
    ) -> Result<(), FieldError> {
        self.constant(&varint::bytes(number.cast_signed() as i64));
        let branch = &branches[number];
        let said = said.map_or_else(|| Said::of(branch), Ok)?;
        self.value(branch, said)
    }

    /// Compiles the only branch of a union that is a value: what does not speak of branches speaks
    /// of that.
    pub(super) fn only_value_of(
        &mut self,
        shape: &Shape<'_>,
        branches: &[Shape<'_>],
        said: Said<'_>,
    ) -> Result<(), FieldError> {
        let is_value = |at: &usize| !matches!(branches[*at].kind, Kind::Null);
        let values: Vec<usize> = (0..branches.len()).filter(is_value).collect();
        let [only] = values[..] else {
            let what = "it does not say which branch of the union it is for";
            return Err(FieldError::new(&shape.path, what));
        };
        self.branch_of(branches, only, Some(said))
    }

    /// Compiles alternatives of one type: values that are written down are looked up, others are
    /// branches. `on` picks a place of `targets`, and that the body.
    pub(super) fn alternatives(
        &mut self,
        shape: &Shape<'_>,
        on: Selector,
        targets: Vec<usize>,
        bodies: &[&Value],
    ) -> Result<(), FieldError> {
        let said = bodies.iter().map(|body| Said::inner(body, &shape.path));
        let said = said.collect::<Result<Vec<_>, _>>()?;
        let value = |said: &Said<'_>| match said {
            Said::Literal(value) => Some((*value).clone()),
            _ => None,
        };
        let Some(values) = said.iter().map(value).collect::<Option<Vec<Value>>>() else {
            return self.branches(on, targets, bodies.len(), |compiler, body| {
                compiler.value(shape, said[body])
            });
        };
        let values: Vec<&Value> = values.iter().collect();
        let choice = self.choice_among(shape, &values, Pick::Equal(1))?;
        let options = targets.into_iter().map(|body| choice.options[body].clone()).collect();
        self.emit(Op::Lookup(Lookup { on, options, register: choice.register }.into()));
        Ok(())
    }

    /// Compiles alternatives. `selector` picks a place of `targets`, and that the body to run.
    pub(super) fn branches(
        &mut self,
        on: Selector,
        targets: Vec<usize>,
        bodies: usize,
        mut body: impl FnMut(&mut Self, usize) -> Result<(), FieldError>,
    ) -> Result<(), FieldError> {
        self.end_source_run();
        let place = self.ops.len();
        self.ops.push(Op::Branch(Branch { on, targets: Box::default() }.into()));
        let (outside, is_certain) = (self.size, self.is_certain);
        let before = self.written.clone();
        let (mut starts, mut jumps, mut largest) = (Vec::new(), Vec::new(), Size::default());
        let mut common: Option<Vec<usize>> = None;
        self.is_certain = false;
        for number in 0..bodies {
            self.barrier = self.ops.len();
            starts.push(self.ops.len());
            self.size = Size::default();
            body(self, number)?;
            self.end_source_run();
            largest = largest.or(self.size);
            // What every branch has written is written.
            let written = std::mem::replace(&mut self.written, before.clone());
            common = Some(match common {
                None => written,
                Some(common) => common.into_iter().filter(|at| written.contains(at)).collect(),
            });
            if number + 1 < bodies {
                jumps.push(self.ops.len());
                self.ops.push(Op::Jump { to: 0 });
            }
        }
        let end = self.ops.len();
        for jump in jumps {
            self.ops[jump] = Op::Jump { to: end };
        }
        if let Op::Branch(branch) = &mut self.ops[place] {
            branch.targets = targets.into_iter().map(|body| starts[body]).collect();
        }
        self.written = common.unwrap_or(before);
        self.is_certain = is_certain;
        self.barrier = end;
        self.size = outside.plus(largest);
        Ok(())
    }

    /// Compiles what is repeated up to `count` times, each with so much beside what `body` takes.
    pub(super) fn repeated(
        &mut self,
        count: u64,
        each: Size,
        body: impl FnOnce(&mut Self) -> Result<(), FieldError>,
    ) -> Result<(), FieldError> {
        let outside = (self.size, self.each, self.is_certain, self.keys);
        let written = self.written.clone();
        self.barrier = self.ops.len();
        (self.size, self.keys, self.is_certain) = (each, 0, false);
        self.each = self.each.saturating_mul(count.max(1));
        body(self)?;
        self.end_source_run();
        let all = self.size.times(usize::try_from(count).unwrap_or(usize::MAX));
        let keys = self.keys;
        (self.size, self.each, self.is_certain, self.keys) = outside;
        // One byte more for the end of blocks.
        self.size = self.size.plus(all).plus(Size { bytes: 1, overhead: 0 });
        self.keys = self.keys.max(keys);
        self.written = written;
        self.barrier = self.ops.len();
        Ok(())
    }
}
