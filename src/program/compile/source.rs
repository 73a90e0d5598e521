//! Values that follow from the source.

use serde_json::Map;
use serde_json::Value;

use super::Compiler;
use super::numbers;
use super::ours;
use super::place;
use super::reals;
use crate::program::draw::REGISTER_UNUSED;
use crate::program::op::Pick;
use crate::program::op::Range;
use crate::program::op::Uniform;
use crate::program::source::SourceDraw;
use crate::program::source::SourceField;
use crate::program::source::SourceKey;
use crate::rng;
use crate::schema::FieldError;
use crate::schema::Kind;
use crate::schema::Shape;

/// How the fields of a row pick their options, as the first of them has it.
#[derive(Clone, Debug)]
pub(super) struct Row {
    path: String,
    pick: Pick,
    options: usize,
}

impl Row {
    fn new(shape: &Shape<'_>, pick: &Pick, options: usize) -> Self {
        Self { path: shape.path.clone(), pick: pick.clone(), options }
    }
}

impl Compiler<'_> {
    /// Compiles a value that is the same whenever its source sends one.
    pub(super) fn source(&mut self, shape: &Shape<'_>, said: &Value) -> Result<(), FieldError> {
        self.is_of_source = true;
        let field = self.source_field(shape, said);
        self.is_of_source = false;
        let field = field?;
        self.source_run_bytes += field.bytes_max();
        self.source_run.push(field);
        Ok(())
    }

    fn source_field(&mut self, shape: &Shape<'_>, said: &Value) -> Result<SourceField, FieldError> {
        let known = ["prefix", "digits", "divisor", "first", "range", "options", "choice", "row"];
        let place = place(shape);
        let said = place.object(said, &known, "source")?;
        // Fields of one row draw from the same stream, and so the same place of their options.
        let row = place.text(said, "row")?;
        let stream = row.map_or(self.ordinal, rng::hash_text);
        let (draw, register) = if let Some(choice) = said.get("choice") {
            place.only(said, &["choice", "row"], "'source' with 'choice'")?;
            let (values, weights) = ours::weighted_values(shape, choice)?;
            self.source_options(shape, &values, Pick::by_weight(&weights))?
        } else if let Some(options) = said.get("options") {
            place.only(said, &["options", "row"], "'source' with 'options'")?;
            let options: Vec<&Value> = place.list(options, "'options'")?.iter().collect();
            let pick = Pick::Equal(options.len() as u64);
            self.source_options(shape, &options, pick)?
        } else if let Some(range) = said.get("range") {
            place.only(said, &["range"], "'source' with 'range'")?;
            self.source_range(shape, range)?
        } else {
            self.source_number(shape, said)?
        };
        if let (Some(name), SourceDraw::Options { pick, options }) = (row, &draw) {
            self.check_row(shape, name, &Row::new(shape, pick, options.len()))?;
        }
        Ok(SourceField { stream, draw, register })
    }

    /// Checks that a row's options are as many as those of its other fields, and weigh as much.
    fn check_row(&mut self, shape: &Shape<'_>, name: &str, row: &Row) -> Result<(), FieldError> {
        let first = self.rows.entry(name.to_owned()).or_insert_with(|| row.clone());
        if (row.options, &row.pick) == (first.options, &first.pick) {
            return Ok(());
        }
        let (path, count) = (&first.path, first.options);
        let what = format!(
            "of the row '{name}' it has {} options and {path} has {count}; all fields of a row \
             have as many, with the same weights",
            row.options
        );
        Err(place(shape).wrong(what))
    }

    fn source_options(
        &mut self,
        shape: &Shape<'_>,
        values: &[&Value],
        pick: Pick,
    ) -> Result<(SourceDraw, u8), FieldError> {
        let choice = self.choice_among(shape, values, pick)?;
        let draw = SourceDraw::Options { pick: choice.pick, options: choice.options };
        Ok((draw, choice.register))
    }

    fn source_range(
        &mut self,
        shape: &Shape<'_>,
        range: &Value,
    ) -> Result<(SourceDraw, u8), FieldError> {
        let place = place(shape);
        let range = place.object(range, &["min", "max"], "range")?;
        if matches!(shape.kind, Kind::Double | Kind::Float) {
            if range.len() < 2 {
                return Err(place.wrong("a range of a source has 'min' and 'max'"));
            }
            let (min, max) = reals::range(shape, range)?;
            let uniform = Uniform { low: min, span: max - min };
            let is_double = matches!(shape.kind, Kind::Double);
            let draw =
                if is_double { SourceDraw::Double(uniform) } else { SourceDraw::Float(uniform) };
            return Ok((draw, REGISTER_UNUSED));
        }
        let bounds = (place.integer(range, "min")?, place.integer(range, "max")?);
        let (Some(min), Some(max)) = bounds else {
            return Err(place.wrong("a range of a source has 'min' and 'max'"));
        };
        let register = self.whole(shape, min.into(), max.into())?;
        Ok((SourceDraw::Integer(Range::inclusive(min, max)), register))
    }

    fn source_number(
        &mut self,
        shape: &Shape<'_>,
        said: &Map<String, Value>,
    ) -> Result<(SourceDraw, u8), FieldError> {
        let place = place(shape);
        let divisor = place.count(said, "divisor", 1, 1..=u64::MAX)?;
        if matches!(shape.kind, Kind::String) {
            place.only(said, &["prefix", "digits", "divisor"], "'source' of a string")?;
            let prefix: Box<str> = place.text(said, "prefix")?.unwrap_or_default().into();
            let digits =
                usize::try_from(place.count(said, "digits", 0, 0..=20)?).unwrap_or_default();
            if divisor == 1 && self.source_key.is_none() {
                self.source_key = Some(SourceKey { prefix: prefix.clone(), digits, first: 0 });
            }
            return Ok((SourceDraw::Text { prefix, digits, divisor }, REGISTER_UNUSED));
        }
        check_whole(shape)?;
        place.only(said, &["first", "divisor"], "'source' of a number")?;
        let first = place.integer(said, "first")?.unwrap_or_default();
        let last = i128::from((self.sources.end - 1) / divisor) + i128::from(first);
        let register = self.whole(shape, first.into(), last)?;
        if divisor == 1 && self.source_key.is_none() {
            let first = first.cast_unsigned();
            self.source_key = Some(SourceKey { prefix: "".into(), digits: 0, first });
        }
        Ok((SourceDraw::Number { divisor, first }, register))
    }

    /// Notes an integer of a source, which every source's has to fit.
    fn whole(&mut self, shape: &Shape<'_>, min: i128, max: i128) -> Result<u8, FieldError> {
        let place = place(shape);
        check_whole(shape)?;
        let (least, most) = numbers::limits(&shape.kind);
        if min > max || min < least || max > most {
            let what =
                format!("some source's number is no {} of {min} to {max}", shape.kind.name());
            return Err(place.wrong(what));
        }
        Ok(self.write(&shape.path, min, max))
    }
}

/// Checks that a type is one of integers.
fn check_whole(shape: &Shape<'_>) -> Result<(), FieldError> {
    if matches!(shape.kind, Kind::Int | Kind::Long) {
        return Ok(());
    }
    let what = format!("a source's number does not go with the type {}", shape.kind.name());
    Err(place(shape).wrong(what))
}
