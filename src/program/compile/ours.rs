//! Values as `producer-load` says.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Compiler;
use super::Lifecycle;
use super::numbers;
use super::place;
use super::text;
use crate::program::op::Form;
use crate::program::op::Id;
use crate::program::op::Multiple;
use crate::program::op::Op;
use crate::program::op::Pick;
use crate::program::op::Range;
use crate::program::op::Selector;
use crate::program::op::Whole;
use crate::program::said::Said;
use crate::program::varint;
use crate::schema::FieldError;
use crate::schema::Kind;
use crate::schema::Shape;

/// Steps of a lifecycle at most, and lifecycles that run side by side.
const LIFECYCLE_MAX: u64 = 1 << 20;

/// Cases of a `by` that lie so close together are found by their place.
const DENSE_MAX: i64 = 256;

impl Compiler<'_> {
    /// Compiles a value that is drawn in one of our own ways.
    pub(super) fn ours(
        &mut self,
        shape: &Shape<'_>,
        way: &str,
        said: &Value,
    ) -> Result<(), FieldError> {
        match (way, &shape.kind) {
            ("lifecycle", Kind::Record(_)) => return self.begin_lifecycle(shape, said),
            ("by", _) => return self.by(shape, said),
            ("step", _) => return self.step(shape, said),
            ("once", _) => return self.once(shape, said),
            ("choice", _) => return self.weighted(shape, said),
            ("odds", Kind::Boolean) => return self.boolean(shape, said.as_f64()),
            ("odds", Kind::Union(branches)) => {
                let weights = weights_of(shape, said, branches.len())?;
                return self.union(shape, Some(&weights));
            }
            ("source", kind) if !matches!(kind, Kind::Union(_)) || has_options(said) => {
                return self.source(shape, said);
            }
            (_, Kind::Union(branches)) => {
                return self.only_value_of(shape, branches, Said::Ours(way, said));
            }
            ("id", Kind::UuidText | Kind::UuidBytes { .. }) => {
                place(shape).object(said, &[], way)?;
                self.random(shape);
                return Ok(());
            }
            _ => {}
        }
        let op = self.ours_op(shape, way, said)?;
        self.emit(op);
        Ok(())
    }

    /// Returns the operation of a value that is one.
    fn ours_op(&mut self, shape: &Shape<'_>, way: &str, said: &Value) -> Result<Op, FieldError> {
        let place = place(shape);
        match (way, &shape.kind) {
            ("range", _) => self.our_range(shape, said),
            ("normal", _) => self.normal(shape, said),
            ("log-normal", _) => self.log_normal(shape, said),
            ("day-curve", _) => self.curve(shape, said),
            ("times", Kind::Int | Kind::Long | Kind::Decimal { .. }) => self.times(shape, said),
            ("counter", _) => self.counter(shape, said),
            (
                "event-time",
                Kind::Long
                | Kind::Date
                | Kind::TimeMillis
                | Kind::TimeMicros
                | Kind::Timestamp { .. },
            ) => {
                let said = place.object(said, &["later-ms"], way)?;
                let later = match said.get("later-ms") {
                    None => Range::inclusive(0, 0),
                    Some(later) => {
                        let later = place.object(later, &["min", "max"], "later-ms")?;
                        let bound = |name| place.integer(later, name);
                        match (bound("min")?, bound("max")?) {
                            (Some(min), Some(max)) if min <= max => Range::inclusive(min, max),
                            _ => return Err(place.wrong("'later-ms' has 'min' not above 'max'")),
                        }
                    }
                };
                self.moment(shape, later)
            }
            ("id", Kind::String) => {
                let said = place.object(said, &["digits"], way)?;
                let digits = place.count(said, "digits", 24, 1..=64)?;
                Ok(Op::Id(Id::new(u8::try_from(digits).unwrap_or(1))))
            }
            (way, kind) => {
                Err(place.wrong(format!("'{way}' does not go with the type {}", kind.name())))
            }
        }
    }

    fn begin_lifecycle(&mut self, shape: &Shape<'_>, said: &Value) -> Result<(), FieldError> {
        let place = place(shape);
        if !shape.path.is_empty() {
            return Err(place.wrong("'lifecycle' goes with the outermost record only"));
        }
        let said = place.object(said, &["steps", "block"], "lifecycle")?;
        let steps = place.count(said, "steps", 1, 1..=LIFECYCLE_MAX)?;
        let block = place.count(said, "block", 1_024, 1..=LIFECYCLE_MAX)?;
        self.lifecycle = Some(Lifecycle { steps, block });
        self.fields(shape)
    }

    /// Compiles a value for each step of the lifecycle.
    fn step(&mut self, shape: &Shape<'_>, said: &Value) -> Result<(), FieldError> {
        self.refuse_once(shape, "'step' follows the step")?;
        let steps = place(shape).list(said, "'step'")?;
        let Some(lifecycle) = self.lifecycle else {
            return Err(place(shape).wrong("'step' needs a 'lifecycle' on the outermost record"));
        };
        if steps.len() as u64 != lifecycle.steps {
            let what = format!("'step' needs a value for each of {} steps", lifecycle.steps);
            return Err(place(shape).wrong(what));
        }
        let bodies: Vec<&Value> = steps.iter().collect();
        self.alternatives(shape, Selector::Step, (0..steps.len()).collect(), &bodies)
    }

    /// Compiles a value that is the same in all steps of a lifecycle.
    fn once(&mut self, shape: &Shape<'_>, said: &Value) -> Result<(), FieldError> {
        if self.lifecycle.is_none() {
            return Err(place(shape).wrong("'once' needs a 'lifecycle' on the outermost record"));
        }
        if self.is_once {
            return Err(place(shape).wrong("'once' stands inside of 'once'"));
        }
        self.end_source_run();
        let may_join = self.ops.len() > self.barrier;
        if may_join && matches!(self.ops.last(), Some(Op::Leave)) {
            // Each has a stream of its own: it does not matter how much the one before took.
            self.ops.pop();
            self.emit(Op::Change { stream: self.ordinal });
        } else {
            self.emit(Op::Enter { stream: self.ordinal });
        }
        self.is_once = true;
        self.value(shape, Said::inner(said, &shape.path)?)?;
        self.is_once = false;
        self.emit(Op::Leave);
        Ok(())
    }

    /// Refuses within `once` what is not the same in all steps.
    pub(super) fn refuse_once(&self, shape: &Shape<'_>, why: &str) -> Result<(), FieldError> {
        if self.is_once {
            return Err(place(shape).wrong(format!("{why}, so it cannot stand within 'once'")));
        }
        Ok(())
    }

    /// Compiles a value that follows from an earlier field's.
    fn by(&mut self, shape: &Shape<'_>, said: &Value) -> Result<(), FieldError> {
        let place = place(shape);
        let said = place.object(said, &["field", "cases", "otherwise"], "by")?;
        let field = place.text(said, "field")?.ok_or_else(|| place.wrong("'field' is missing"))?;
        let cases = said.get("cases").and_then(Value::as_object).filter(|c| !c.is_empty());
        let cases = cases.ok_or_else(|| place.wrong("'by' takes an object 'cases'"))?;
        let known = self.depends_on(field, place)?;
        let register = known.register;
        let mut body_of = BTreeMap::new();
        for (body, case) in cases.keys().enumerate() {
            for value in case.split('|') {
                if body_of.insert(Self::case(known, value, place)?, body).is_some() {
                    return Err(place.wrong(format!("'{value}' stands in two cases")));
                }
            }
        }
        let texts = Self::texts(known);
        let mut bodies: Vec<&Value> = cases.values().collect();
        let otherwise = match said.get("otherwise") {
            Some(otherwise) => {
                bodies.push(otherwise);
                bodies.len() - 1
            }
            // All that it can be has a case.
            None if texts > 0 && body_of.len() == texts => bodies.len() - 1,
            None => {
                return Err(place.wrong("'otherwise' is missing, and not every value has a case"));
            }
        };
        let (on, mut targets) = selector(register, &body_of, otherwise);
        targets.push(otherwise);
        self.alternatives(shape, on, targets, &bodies)
    }

    /// Compiles a choice among `[{"value": …, "weight": …}, …]`.
    fn weighted(&mut self, shape: &Shape<'_>, said: &Value) -> Result<(), FieldError> {
        let (values, weights) = weighted_values(shape, said)?;
        self.choice(shape, &values, Pick::by_weight(&weights))
    }

    /// Compiles an earlier integer times a drawn one, or times another earlier one.
    fn times(&mut self, shape: &Shape<'_>, said: &Value) -> Result<Op, FieldError> {
        let place = place(shape);
        let said = place.object(said, &["field", "times", "min", "max"], "times")?;
        let field = place.text(said, "field")?.ok_or_else(|| place.wrong("'field' is missing"))?;
        let known = self.depends_on(field, place)?;
        let (on, (least, most)) = (known.register, known.bounds());
        let bounds = (place.integer(said, "min")?, place.integer(said, "max")?);
        let (whole, (low, high)) = match (place.text(said, "times")?, bounds) {
            (Some(other), (None, None)) => {
                let known = self.depends_on(other, place)?;
                (Whole::Product { on, by: known.register }, known.bounds())
            }
            (None, (Some(min), Some(max))) if min <= max => {
                (Whole::Times { on, range: Range::inclusive(min, max) }, (min.into(), max.into()))
            }
            _ => return Err(place.wrong("'times' takes a 'field', and 'min' and 'max' or 'times'")),
        };
        let products = [least * low, least * high, most * low, most * high];
        let least = products.iter().copied().min().unwrap_or_default();
        let most = products.iter().copied().max().unwrap_or_default();
        let limits = numbers::limits(&shape.kind);
        if least < limits.0 || most > limits.1 {
            let what = format!("its product can be {least} to {most}, no {}", shape.kind.name());
            return Err(place.wrong(what + &numbers::but_so_many_digits(&shape.kind)));
        }
        let register = self.write(&shape.path, least, most);
        let form = numbers::form_of(&shape.kind, 0, place)?;
        Ok(match (whole, &form) {
            (Whole::Times { on, range }, Form::Varint) if varint::is_small(least, most) => {
                Op::SmallTimes([Multiple { on, range, register }].into())
            }
            (whole, _) => numbers::number(whole, form, register),
        })
    }

    /// Compiles `{"start": …, "step": …, "restart": …}`, as text also with prefix and digits.
    fn counter(&mut self, shape: &Shape<'_>, said: &Value) -> Result<Op, FieldError> {
        self.refuse_once(shape, "'counter' counts records")?;
        let place = place(shape);
        let known = ["start", "step", "restart", "initial", "prefix", "digits", "suffix"];
        let said = place.object(said, &known, "counter")?;
        let is_text = matches!(shape.kind, Kind::String);
        let is_affix = |name: &str| matches!(name, "prefix" | "digits" | "suffix");
        let mut counted = said.clone();
        counted.retain(|name, _| !is_affix(name));
        if !is_text && counted.len() < said.len() {
            return Err(place.wrong("only a string has prefix, digits and suffix"));
        }
        counted.entry("start").or_insert_with(|| 0.into());
        // As text a counter has room for a long.
        let kind = if is_text { &Kind::Long } else { &shape.kind };
        let counted = numbers::iteration(kind, &Value::Object(counted), self.each, place)?;
        let form = match &shape.kind {
            Kind::String => text::counted(said, place)?,
            kind => numbers::form_of(kind, counted.decimals, place)?,
        };
        let (min, max) = counted.bounds;
        let register = self.write(&shape.path, min, max);
        Ok(numbers::number(Whole::Counter(counted.counter), form, register))
    }
}

/// Returns how the bodies of cases are found, and the body of each place.
fn selector(
    register: u8,
    body_of: &BTreeMap<i64, usize>,
    otherwise: usize,
) -> (Selector, Vec<usize>) {
    let (low, high) = (body_of.keys().next(), body_of.keys().next_back());
    if let (Some(&low), Some(&high)) = (low, high)
        && high.checked_sub(low).is_some_and(|span| span < DENSE_MAX)
    {
        let targets = (low..=high).map(|value| *body_of.get(&value).unwrap_or(&otherwise));
        return (Selector::Dense { register, low }, targets.collect());
    }
    let cases = body_of.keys().copied().collect();
    (Selector::Register { register, cases }, body_of.values().copied().collect())
}

fn has_options(said: &Value) -> bool {
    said.get("options").is_some() || said.get("choice").is_some()
}

/// Returns the values of a weighted choice and their weights.
pub(super) fn weighted_values<'v>(
    shape: &Shape<'_>,
    said: &'v Value,
) -> Result<(Vec<&'v Value>, Vec<f64>), FieldError> {
    let place = place(shape);
    let (mut values, mut weights) = (Vec::new(), Vec::new());
    for entry in place.list(said, "'choice'")? {
        let entry = place.object(entry, &["value", "weight"], "choice")?;
        let value = entry.get("value").ok_or_else(|| place.wrong("'value' is missing"))?;
        let weight = place.number(entry, "weight")?.unwrap_or(1.0);
        if weight <= 0.0 {
            return Err(place.wrong("'weight' must be above 0"));
        }
        values.push(value);
        weights.push(weight);
    }
    Ok((values, weights))
}

/// Returns a weight for each branch of a union.
fn weights_of(shape: &Shape<'_>, said: &Value, branches: usize) -> Result<Vec<f64>, FieldError> {
    let weight = |value: &Value| value.as_f64().filter(|w| *w >= 0.0 && w.is_finite());
    let weights: Option<Vec<f64>> =
        said.as_array().and_then(|list| list.iter().map(weight).collect());
    let weights = weights.filter(|w| w.len() == branches && w.iter().sum::<f64>() > 0.0);
    weights.ok_or_else(|| {
        let what = format!("'odds' is a list of {branches} weights, one a branch, not all 0");
        place(shape).wrong(what)
    })
}
