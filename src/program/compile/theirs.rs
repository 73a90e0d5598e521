//! Values as `arg.properties` says, or as their type alone does.

use std::collections::HashSet;

use serde_json::Map;
use serde_json::Value;

use super::Compiler;
use super::ENTRIES_MAX;
use super::Size;
use super::numbers;
use super::place;
use super::reals;
use super::text;
use crate::program::draw::REGISTER_UNUSED;
use crate::program::literal;
use crate::program::op::Choice;
use crate::program::op::Entries;
use crate::program::op::Items;
use crate::program::op::Keys;
use crate::program::op::Literal;
use crate::program::op::Op;
use crate::program::op::Pick;
use crate::program::op::Range;
use crate::program::op::Whole;
use crate::program::said::Said;
use crate::program::skip;
use crate::schema::FieldError;
use crate::schema::Kind;
use crate::schema::Shape;
use crate::schema::THEIRS;

type Theirs<'a> = Option<&'a Map<String, Value>>;

impl Compiler<'_> {
    /// Compiles a value as `arg.properties` says, if it does.
    pub(super) fn theirs(&mut self, shape: &Shape<'_>, said: Theirs<'_>) -> Result<(), FieldError> {
        let find = |name| said.and_then(|said| said.get(name));
        let only =
            |known: &[&str]| said.map_or(Ok(()), |said| place(shape).only(said, known, THEIRS));
        if let Some(options) = find("options") {
            only(&["options"])?;
            return self.options(shape, options);
        }
        let is_union = matches!(shape.kind, Kind::Union(_));
        if let (Some(said), Some(_), false) = (said, find("iteration"), is_union) {
            let op = self.iteration(shape, said)?;
            self.emit(op);
            return Ok(());
        }
        only(takes(&shape.kind))?;
        let op = match &shape.kind {
            Kind::Null => return Ok(()),
            Kind::Boolean => {
                let odds = find("odds").map_or(Some(0.5), Value::as_f64);
                return self.boolean(shape, odds);
            }
            Kind::Bytes => Op::Bytes { length: text::length(said, place(shape))? },
            Kind::String => text::string(said, &mut self.expressions_cost, place(shape))?,
            Kind::Fixed(size) => Op::Fixed(*size),
            Kind::Enum(symbols) => {
                let register = self.write_enum(shape, symbols);
                Op::Smalls([(Range { low: 0, span: symbols.len() as u64 }, register)].into())
            }
            Kind::UuidText | Kind::UuidBytes { .. } | Kind::Duration => {
                self.random(shape);
                return Ok(());
            }
            Kind::Array(items) => return self.array(items, text::length(said, place(shape))?),
            Kind::Map(values) => return self.map(shape, values, said),
            Kind::Union(branches) => {
                return match said {
                    Some(said) => self.only_value_of(shape, branches, Said::Theirs(said)),
                    None => self.union(shape, None),
                };
            }
            Kind::Record(_) => return self.fields(shape),
            _ => match find("range") {
                Some(range) => self.their_range(shape, range)?,
                None => self.any_number(shape)?,
            },
        };
        self.emit(op);
        Ok(())
    }

    /// Compiles a UUID or a duration.
    pub(super) fn random(&mut self, shape: &Shape<'_>) {
        match &shape.kind {
            Kind::UuidText => self.emit(Op::UuidText),
            Kind::UuidBytes { with_length } => {
                if *with_length {
                    self.constant(&crate::program::varint::bytes(16));
                }
                self.emit(Op::UuidBytes);
            }
            _ => self.emit(Op::Duration),
        }
    }

    /// Compiles a number without an annotation: of all values of its type, 0 to 1, or the event
    /// time.
    pub(super) fn any_number(&mut self, shape: &Shape<'_>) -> Result<Op, FieldError> {
        Ok(match &shape.kind {
            Kind::Float | Kind::Double => reals::even(shape, 0.0, 1.0),
            Kind::Decimal { precision, fixed, .. } => self.any_decimal(shape, *precision, *fixed),
            Kind::Int => {
                self.integer(&shape.path, Range::inclusive(i32::MIN.into(), i32::MAX.into()))
            }
            Kind::Long => self.integer(&shape.path, Range::inclusive(i64::MIN, i64::MAX)),
            _ => self.moment(shape, Range::inclusive(0, 0))?,
        })
    }

    pub(super) fn boolean(
        &mut self,
        shape: &Shape<'_>,
        odds: Option<f64>,
    ) -> Result<(), FieldError> {
        let odds = odds.filter(|odds| (0.0..=1.0).contains(odds));
        let odds = odds.ok_or_else(|| place(shape).wrong("odds are a number of 0 to 1"))?;
        let options = [&Value::Bool(true), &Value::Bool(false)];
        self.choice(shape, &options, Pick::by_weight(&[odds, 1.0 - odds]))
    }

    /// Compiles a choice among values that the schema lists, or a file that it names.
    fn options(&mut self, shape: &Shape<'_>, options: &Value) -> Result<(), FieldError> {
        if let Some(datums) = options.get("datums") {
            return self.datums(shape, datums);
        }
        let options: Vec<&Value> = place(shape).list(options, "'options'")?.iter().collect();
        let pick = Pick::Equal(options.len() as u64);
        self.choice(shape, &options, pick)
    }

    /// Compiles a choice among these values.
    pub(super) fn choice(
        &mut self,
        shape: &Shape<'_>,
        options: &[&Value],
        pick: Pick,
    ) -> Result<(), FieldError> {
        let choice = self.choice_among(shape, options, pick)?;
        self.emit(Op::Choice(choice.into()));
        Ok(())
    }

    /// Encodes these values, and notes their numbers where others depend on them.
    pub(super) fn choice_among(
        &mut self,
        shape: &Shape<'_>,
        options: &[&Value],
        pick: Pick,
    ) -> Result<Choice, FieldError> {
        let encoded = options.iter().map(|value| Ok((*value, self.encoded(shape, value)?)));
        let encoded = encoded.collect::<Result<Vec<_>, FieldError>>()?;
        match self.depended_at(&shape.path) {
            Some(at) => self.choice_of(at, shape, &encoded, pick),
            None => Ok(plain_choice(encoded.iter().map(|(_, bytes)| bytes.as_slice()), pick)),
        }
    }

    /// Compiles a choice among datums that a file holds in binary, given in hexadecimal digits.
    fn datums(&mut self, shape: &Shape<'_>, datums: &Value) -> Result<(), FieldError> {
        let broken = || place(shape).wrong("the options file does not hold datums of this type");
        let digits = datums.as_str().ok_or_else(broken)?;
        let byte = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok();
        let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(byte).collect();
        let bytes = bytes.ok_or_else(broken)?;
        let mut rest = bytes.as_slice();
        let mut found = Vec::new();
        while !rest.is_empty() {
            let length = skip::datum(shape, rest).filter(|length| *length > 0);
            let (datum, after) = rest.split_at(length.ok_or_else(broken)?);
            found.push(datum);
            rest = after;
        }
        if found.is_empty() {
            return Err(broken());
        }
        for datum in &found {
            self.allow_for(shape, datum);
        }
        let pick = Pick::Equal(found.len() as u64);
        self.emit(Op::Choice(plain_choice(found.into_iter(), pick).into()));
        Ok(())
    }

    fn array(&mut self, items: &Shape<'_>, length: Range) -> Result<(), FieldError> {
        self.end_source_run();
        let place = self.ops.len();
        self.emit(Op::Items(Items { length, body: 0..0 }.into()));
        let said = Said::of(items)?;
        let comma = Size { bytes: 0, overhead: 1 };
        self.repeated(length.last().cast_unsigned(), comma, |compiler| {
            compiler.value(items, said)
        })?;
        self.ops[place] = Op::Items(Items { length, body: place + 1..self.ops.len() }.into());
        Ok(())
    }

    fn map(
        &mut self,
        shape: &Shape<'_>,
        values: &Shape<'_>,
        said: Theirs<'_>,
    ) -> Result<(), FieldError> {
        self.end_source_run();
        let keys = said.and_then(|said| said.get("keys"));
        let keys = keys.map(|keys| {
            keys.as_object().ok_or_else(|| place(shape).wrong("'keys' takes an object"))
        });
        let keys = self.keys_of(shape, keys.transpose()?)?;
        let mut length = text::length(said, place(shape))?;
        if let Keys::Options { options, .. } = &keys {
            // No key stands twice, so there are no more entries than keys.
            let most = options.len().cast_signed() as i64;
            length = Range::inclusive(length.low.min(most), length.last().min(most));
        }
        let most = length.last().cast_unsigned();
        if most > ENTRIES_MAX {
            let what = format!("a map has at most {ENTRIES_MAX} entries");
            return Err(place(shape).wrong(what));
        }
        let entries = Entries { keys, length, body: 0..0 };
        let key_bytes = entries.key_bytes_max();
        let at = self.ops.len();
        self.emit(Op::Entries(entries.into()));
        let said = Said::of(values)?;
        // Quotes, a colon and a comma.
        let key = Size { bytes: key_bytes, overhead: 4 };
        self.repeated(most, key, |compiler| compiler.value(values, said))?;
        self.keys += usize::try_from(most).unwrap_or_default();
        let body = at + 1..self.ops.len();
        if let Op::Entries(entries) = &mut self.ops[at] {
            entries.body = body;
        }
        Ok(())
    }

    fn keys_of(&mut self, shape: &Shape<'_>, said: Theirs<'_>) -> Result<Keys, FieldError> {
        let key = Shape {
            path: format!("{} (its keys)", shape.path),
            name: None,
            kind: Kind::String,
            theirs: said,
            ours: None,
        };
        let Some(said) = said else { return self.key_text(None, &key) };
        if said.contains_key("iteration") {
            return self.iteration(&key, said).map(Keys::Drawn);
        }
        let Some(options) = said.get("options") else {
            return self.key_text(Some(said), &key);
        };
        place(&key).only(said, &["options"], THEIRS)?;
        let mut seen = HashSet::new();
        let mut literals = Vec::new();
        for option in place(&key).list(options, "'options'")? {
            if seen.insert(option) {
                literals.push(Literal::new(&literal::encode(&key, option)?, 0));
            }
        }
        Ok(Keys::options(literals.into()))
    }

    fn key_text(&mut self, said: Theirs<'_>, key: &Shape<'_>) -> Result<Keys, FieldError> {
        text::string(said, &mut self.expressions_cost, place(key)).map(Keys::Drawn)
    }

    fn iteration(
        &mut self,
        shape: &Shape<'_>,
        said: &Map<String, Value>,
    ) -> Result<Op, FieldError> {
        self.refuse_once(shape, "'iteration' counts records")?;
        let place = place(shape);
        place.only(said, &["iteration", "prefix", "suffix"], THEIRS)?;
        let counted = numbers::iteration(&shape.kind, &said["iteration"], self.each, place)?;
        let form = match &shape.kind {
            Kind::String => text::counted(said, place)?,
            _ if said.len() > 1 => return Err(place.wrong("only a string has prefix and suffix")),
            kind => numbers::form_of(kind, counted.decimals, place)?,
        };
        let (min, max) = counted.bounds;
        let register = self.write(&shape.path, min, max);
        Ok(numbers::number(Whole::Counter(counted.counter), form, register))
    }
}

/// Returns what `arg.properties` may say of a type, beside `options` and `iteration`.
const fn takes(kind: &Kind<'_>) -> &'static [&'static str] {
    match kind {
        Kind::Boolean => &["odds"],
        Kind::Bytes | Kind::Array(_) => &["length"],
        Kind::String => &["length", "regex", "prefix", "suffix"],
        Kind::Map(_) => &["length", "keys"],
        Kind::Null
        | Kind::Fixed(_)
        | Kind::Enum(_)
        | Kind::UuidText
        | Kind::UuidBytes { .. }
        | Kind::Duration
        | Kind::Record(_) => &[],
        // What its only value takes.
        Kind::Union(_) => {
            &["odds", "length", "regex", "prefix", "suffix", "keys", "range", "iteration"]
        }
        _ => &["range"],
    }
}

fn plain_choice<'b>(options: impl Iterator<Item = &'b [u8]>, pick: Pick) -> Choice {
    let options = options.map(|bytes| Literal::new(bytes, 0)).collect();
    Choice { pick, options, register: REGISTER_UNUSED }
}
