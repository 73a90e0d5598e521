//! Random strings that match a regular expression, as the annotations `regex` and `length` of
//! avro-random-generator ask for them.
//!
//! An expression is compiled once into a tree, and a draw walks down it. Where the length is
//! given, each node knows the lengths that it can have: a draw takes one for the whole first, and
//! gives each part only what leaves the parts after it a length that they can have. So no draw is
//! thrown away, none allocates, and all that a hostile expression costs is bounded here.
//!
//! Lengths are in characters, sizes in bytes.

use std::iter;
use std::ops::RangeInclusive;

use fastrand::Rng;
use regex_syntax::ParserBuilder;
use regex_syntax::hir;
use regex_syntax::hir::HirKind;

use super::draw::below;

mod lengths;

use lengths::Lengths;

/// The longest length that may be asked for: every node carries a set of lengths up to it.
pub(super) const LENGTH_MAX: usize = 1_024;

/// The longest string where no length is given, so that a record's buffer stays small.
const BYTES_MAX: usize = 32 * 1_024;

/// The longest expression: each `\w` in it parses to six kilobytes.
const REGEX_BYTES_MAX: usize = 16 * 1_024;

/// Groups within groups: building and drawing recurse as deep.
const NEST_MAX: u32 = 50;

/// How far a repetition without an upper bound goes beyond its lower one where no length says it:
/// far enough to look random, and short as names and codes are.
const REPEATS_MORE: usize = 15;

/// Words in the sets in all `rest` together: a megabyte, filled in a tenth of a second at most.
const WORDS_MAX: usize = 1 << 17;

/// What all expressions of a schema may cost: as much as eight of the costliest, which take half a
/// second and eight megabytes.
pub(super) const COST_MAX: usize = 8 * WORDS_MAX;

/// A compiled regular expression.
#[derive(Debug)]
pub(super) struct Pattern {
    root: Node,
    /// The lengths to draw from; none where the expression alone decides.
    lengths: Option<Box<[usize]>>,
    /// Words of sets and lengths, and what parsing took: as long as filling eight words a byte.
    cost: usize,
}

impl Pattern {
    /// Compiles an expression whose strings have a length within `length`, if any.
    ///
    /// A string matches as a whole, so `^`, `$` and `\b` at its ends are passed over. A class that
    /// has printable ASCII characters is restricted to them.
    ///
    /// # Errors
    ///
    /// What is wrong with the expression, or beyond the limits, or that nothing has such a length.
    pub(super) fn compile(
        regex: &str,
        length: Option<RangeInclusive<usize>>,
    ) -> Result<Self, String> {
        let longest = length.as_ref().map(|length| *length.end());
        if longest > Some(LENGTH_MAX) {
            return Err(format!("a length beyond {LENGTH_MAX} characters"));
        }
        let mut compiler = Compiler {
            words: longest.map_or(0, |longest| longest / 64 + 1),
            budget: WORDS_MAX,
            repeats_more: longest.unwrap_or(REPEATS_MORE),
            widest: 0,
        };
        let mut root = compiler.node(&parse(regex)?, Edges { left: true, right: true })?;
        if length.is_none() && root.bytes_max > BYTES_MAX {
            return Err(format!("strings of more than {BYTES_MAX} bytes"));
        }
        let cost = regex.len() * (WORDS_MAX / REGEX_BYTES_MAX) + WORDS_MAX - compiler.budget;
        let Some(length) = length else { return Ok(Self { root, lengths: None, cost }) };
        let lengths: Box<[_]> = length.filter(|&length| root.lengths.has(length)).collect();
        let longest = lengths.last().ok_or("no string of it has such a length")?;
        root.bytes_max = root.bytes_max.min(longest * compiler.widest);
        let cost = cost + lengths.len();
        Ok(Self { root, lengths: Some(lengths), cost })
    }

    /// Returns what it took to compile, of [`COST_MAX`].
    pub(super) const fn cost(&self) -> usize {
        self.cost
    }

    /// Returns the bytes that no drawn string exceeds.
    pub(super) fn bytes_max(&self) -> usize {
        self.root.bytes_max
    }

    /// Writes a string to the front of `out`, which has `bytes_max` bytes; returns its bytes.
    #[inline]
    pub(super) fn write(&self, rng: &mut Rng, out: &mut [u8]) -> usize {
        let length = self.lengths.as_ref().map(|lengths| lengths[index(rng, lengths.len())]);
        self.root.write(rng, length, out)
    }
}

fn parse(regex: &str) -> Result<hir::Hir, String> {
    if regex.len() > REGEX_BYTES_MAX {
        return Err(format!("an expression beyond {REGEX_BYTES_MAX} bytes"));
    }
    let parsed = ParserBuilder::new().nest_limit(NEST_MAX).build().parse(regex);
    parsed.map_err(|error| match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        error => error.to_string(),
    })
}

/// A part of an expression, and the lengths that its strings can have where lengths are asked for.
#[derive(Debug)]
struct Node {
    form: Form,
    lengths: Lengths,
    bytes_max: usize,
}

/// How a node draws. `rest` has the lengths that the last 0, 1, 2 … parts together can have.
#[derive(Debug)]
enum Form {
    Literal(Box<[u8]>),
    Run { class: Class, counts: RangeInclusive<usize> },
    Repeat { body: Box<Node>, counts: RangeInclusive<usize>, rest: Vec<Lengths> },
    Concat { parts: Box<[Node]>, rest: Vec<Lengths> },
    Choice(Box<[Node]>),
}

impl Node {
    /// Writes a string of so many characters, which is one of `lengths`, or of any number.
    fn write(&self, rng: &mut Rng, length: Option<usize>, out: &mut [u8]) -> usize {
        match &self.form {
            Form::Literal(bytes) => {
                out[..bytes.len()].copy_from_slice(bytes);
                bytes.len()
            }
            Form::Run { class, counts } => {
                let count = length.unwrap_or_else(|| within(rng, counts));
                class.write(rng, count, out)
            }
            Form::Repeat { body, counts, rest } => {
                let count = match length {
                    None => within(rng, counts),
                    Some(length) => pick(rng, *counts.start()..rest.len(), |n| rest[n].has(length)),
                };
                write_each(iter::repeat_n(&**body, count), rest, rng, length, out)
            }
            Form::Concat { parts, rest } => write_each(parts.iter(), rest, rng, length, out),
            Form::Choice(options) => {
                let chosen = match length {
                    None => index(rng, options.len()),
                    Some(length) => pick(rng, 0..options.len(), |n| options[n].lengths.has(length)),
                };
                options[chosen].write(rng, length, out)
            }
        }
    }
}

fn write_each<'a>(
    parts: impl ExactSizeIterator<Item = &'a Node>,
    rest: &[Lengths],
    rng: &mut Rng,
    mut length: Option<usize>,
    out: &mut [u8],
) -> usize {
    let mut at = 0;
    for (after, part) in (0..parts.len()).rev().zip(parts) {
        let own = length.map(|length| {
            let fits = |own| part.lengths.has(own) && rest[after].has(length - own);
            pick(rng, 0..=length.min(part.bytes_max), fits)
        });
        length = length.zip(own).map(|(length, own)| length - own);
        at += part.write(rng, own, &mut out[at..]);
    }
    at
}

/// Draws one of those that fit; at least one does.
fn pick(
    rng: &mut Rng,
    among: impl Iterator<Item = usize> + Clone,
    fits: impl Fn(usize) -> bool,
) -> usize {
    let mut fitting = among.filter(|&n| fits(n));
    let chosen = index(rng, fitting.clone().count());
    fitting.nth(chosen).unwrap_or_default()
}

fn within(rng: &mut Rng, range: &RangeInclusive<usize>) -> usize {
    let more = range.end() - range.start();
    range.start() + if more == 0 { 0 } else { index(rng, more + 1) }
}

fn index(rng: &mut Rng, count: usize) -> usize {
    usize::try_from(below(rng, count as u64)).unwrap_or_default()
}

/// The characters of a class.
#[derive(Debug)]
enum Class {
    Ascii(Box<[u8]>),
    Wide { class: hir::ClassUnicode, characters: usize },
}

impl Class {
    fn write(&self, rng: &mut Rng, count: usize, out: &mut [u8]) -> usize {
        match self {
            Self::Ascii(characters) => {
                out[..count].fill_with(|| characters[index(rng, characters.len())]);
                count
            }
            Self::Wide { class, characters } => (0..count).fold(0, |at, _| {
                let character = nth(class, index(rng, *characters));
                at + character.encode_utf8(&mut out[at..]).len()
            }),
        }
    }
}

fn nth(class: &hir::ClassUnicode, mut n: usize) -> char {
    for range in class.iter().map(|range| range.start()..=range.end()) {
        match range.clone().nth(n) {
            Some(character) => return character,
            None => n -= range.count(),
        }
    }
    char::default()
}

/// Which ends of the string a part touches.
#[derive(Clone, Copy, Default)]
struct Edges {
    left: bool,
    right: bool,
}

impl Edges {
    fn satisfy(self, look: hir::Look) -> bool {
        let is_left = |look| match look {
            hir::Look::Start | hir::Look::StartLF | hir::Look::StartCRLF => true,
            _ => matches!(look, hir::Look::WordAscii | hir::Look::WordUnicode),
        };
        self.left && is_left(look) || self.right && is_left(look.reversed())
    }
}

struct Compiler {
    /// Words of each set of lengths, and those that further sets may have.
    words: usize,
    budget: usize,
    /// How far a repetition without an upper bound goes beyond its lower one.
    repeats_more: usize,
    /// The bytes of the widest character so far.
    widest: usize,
}

impl Compiler {
    fn node(&mut self, hir: &hir::Hir, edges: Edges) -> Result<Node, String> {
        match hir.kind() {
            HirKind::Empty => self.literal(&[]),
            HirKind::Literal(literal) => self.literal(&literal.0),
            HirKind::Class(class) => self.class(class),
            HirKind::Look(look) if edges.satisfy(*look) => self.literal(&[]),
            HirKind::Look(_) => Err("an anchor or word boundary inside".into()),
            HirKind::Repetition(repetition) => self.repeat(repetition, edges),
            HirKind::Capture(capture) => self.node(&capture.sub, edges),
            HirKind::Concat(parts) => self.concat(parts, edges),
            HirKind::Alternation(options) => self.choice(options, edges),
        }
    }

    fn literal(&mut self, bytes: &[u8]) -> Result<Node, String> {
        let text = str::from_utf8(bytes).map_err(|_| "bytes that are not UTF-8")?;
        self.widest = text.chars().map(char::len_utf8).fold(self.widest, usize::max);
        let length = text.chars().count();
        let lengths = Lengths::new(self.words, length..=length);
        Ok(Node { form: Form::Literal(bytes.into()), lengths, bytes_max: bytes.len() })
    }

    fn class(&mut self, class: &hir::Class) -> Result<Node, String> {
        let whole = match class {
            hir::Class::Unicode(class) => Some(class.clone()),
            hir::Class::Bytes(class) => class.to_unicode_class(),
        };
        let whole = whole.ok_or("bytes that are not UTF-8")?;
        let mut printable = hir::ClassUnicode::new([hir::ClassUnicodeRange::new(' ', '~')]);
        printable.intersect(&whole);
        let class = if printable.ranges().is_empty() { whole } else { printable };
        let bytes_max = class.maximum_len().ok_or("a class without characters")?;
        self.widest = self.widest.max(bytes_max);
        let characters = class.iter().flat_map(|range| range.start()..=range.end());
        let class = if class.is_ascii() {
            Class::Ascii(characters.filter_map(|character| u8::try_from(character).ok()).collect())
        } else {
            let characters = characters.count();
            Class::Wide { class, characters }
        };
        let form = Form::Run { class, counts: 1..=1 };
        Ok(Node { form, lengths: Lengths::new(self.words, 1..=1), bytes_max })
    }

    fn repeat(&mut self, repetition: &hir::Repetition, edges: Edges) -> Result<Node, String> {
        let edges = if repetition.max == Some(1) { edges } else { Edges::default() };
        let mut body = self.node(&repetition.sub, edges)?;
        let min = repetition.min as usize;
        let max = repetition.max.map_or(min + self.repeats_more, |max| max as usize);
        let bytes_max = body.bytes_max.saturating_mul(max);
        if let Form::Run { counts, .. } = &mut body.form
            && *counts == (1..=1)
        {
            *counts = min..=max;
            return Ok(Node { lengths: Lengths::new(self.words, min..=max), bytes_max, ..body });
        }
        // A body that may be empty repeats as often as it is not: every repeat then takes a length.
        let min = if body.lengths.has(0) { 0 } else { min };
        if let Some(word) = body.lengths.0.first_mut() {
            *word &= !1;
        }
        let body = Box::new(body);
        let rest = self.sums(iter::repeat_n(&*body, max))?;
        let lengths = self.union(rest.iter().skip(min));
        Ok(Node { form: Form::Repeat { body, counts: min..=max, rest }, lengths, bytes_max })
    }

    fn concat(&mut self, parts: &[hir::Hir], edges: Edges) -> Result<Node, String> {
        let is_wide = |part: &hir::Hir| part.properties().maximum_len() != Some(0);
        let first = parts.iter().position(is_wide).unwrap_or(parts.len());
        let last = parts.iter().rposition(is_wide).unwrap_or(0);
        let nodes = parts.iter().enumerate().map(|(n, part)| {
            let edges = Edges { left: edges.left && n <= first, right: edges.right && n >= last };
            self.node(part, edges)
        });
        let parts: Box<[_]> = nodes.collect::<Result<_, _>>()?;
        let bytes_max = parts.iter().map(|part| part.bytes_max).fold(0, usize::saturating_add);
        let rest = self.sums(parts.iter().rev())?;
        let lengths = self.union(rest.iter().skip(parts.len()));
        Ok(Node { form: Form::Concat { parts, rest }, lengths, bytes_max })
    }

    fn choice(&mut self, options: &[hir::Hir], edges: Edges) -> Result<Node, String> {
        let nodes = options.iter().map(|option| self.node(option, edges));
        let options: Box<[_]> = nodes.collect::<Result<_, _>>()?;
        let bytes_max = options.iter().map(|option| option.bytes_max).max().unwrap_or_default();
        let lengths = self.union(options.iter().map(|option| &option.lengths));
        Ok(Node { form: Form::Choice(options), lengths, bytes_max })
    }

    /// Returns the lengths that 0, 1, 2 … of the parts can have together, while there are any.
    fn sums<'a>(&mut self, parts: impl Iterator<Item = &'a Node>) -> Result<Vec<Lengths>, String> {
        let mut rest = vec![Lengths::new(self.words, 0..=0)];
        for part in parts {
            self.budget = self.budget.checked_sub(self.words).ok_or("too complex for a length")?;
            let next = part.lengths.plus(&rest[rest.len() - 1]);
            if next.0.iter().all(|&word| word == 0) {
                break;
            }
            rest.push(next);
        }
        Ok(rest)
    }

    fn union<'a>(&self, sets: impl Iterator<Item = &'a Lengths>) -> Lengths {
        let mut union = vec![0; self.words];
        for set in sets {
            union.iter_mut().zip(&set.0).for_each(|(word, other)| *word |= other);
        }
        Lengths(union.into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::collections::BTreeSet;

    use fastrand::Rng;
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    fn whole(regex: &str) -> Regex {
        Regex::new(&format!("^(?:{regex})$")).unwrap()
    }

    fn drawn(regex: &str, length: Option<RangeInclusive<usize>>, draws: usize) -> Vec<String> {
        let pattern = Pattern::compile(regex, length).unwrap();
        let mut rng = Rng::with_seed(7);
        let mut out = vec![0; pattern.bytes_max()];
        let draw = |_| {
            // A byte that is not written then is no text.
            out.fill(0xff);
            let bytes = pattern.write(&mut rng, &mut out);
            String::from_utf8(out[..bytes].to_vec()).unwrap()
        };
        (0..draws).map(draw).collect()
    }

    /// Draws, and has another engine match what was drawn.
    fn check(regex: &str, length: Option<RangeInclusive<usize>>) -> Vec<String> {
        let drawn = drawn(regex, length.clone(), 300);
        let allowed = length.unwrap_or(0..=usize::MAX);
        let whole = whole(regex);
        for text in &drawn {
            assert!(whole.is_match(text), "{regex} drew {text:?}");
            let characters = text.chars().count();
            assert!(allowed.contains(&characters), "{regex} drew {text:?} for {allowed:?}");
        }
        drawn
    }

    fn lengths_of(drawn: &[String]) -> BTreeSet<usize> {
        drawn.iter().map(|text| text.chars().count()).collect()
    }

    fn error(regex: &str, length: Option<RangeInclusive<usize>>) -> String {
        Pattern::compile(regex, length).map(|_| regex).unwrap_err()
    }

    #[test]
    fn the_expressions_of_kafka_connect_datagen_match() {
        for regex in [
            "Page_[1-9][0-9]",
            "Region_[1-9]",
            "Region_[1-9]?",
            "User_[1-9]",
            "User_[1-9]{0,1}",
            "[A-Z][1-9]{8,8}",
            "City_[1-9]{0,2}",
            "State_[1-9]{0,2}",
            "[1-9]{1}[0-9]{2}",
            "[1-9]{1}[0-9]{6}",
            r"[A-Z]{2}\d{6}[A-Z]",
            "[A-Z]{5,8}",
            "[a-z ]{10,15}",
            "[a-zA-Z]{5,8}",
            "[a-z]{5}",
            r"\[[0-9][0-9],[0-9][0-9]\]",
            "https://www[.]acme[.]com/product/[a-z]{5}",
            r"lab-\d{1}",
            "Item_[1-9][0-9]{0,2}",
        ] {
            let drawn = check(regex, None);
            let printable = |text: &String| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            assert!(drawn.iter().all(printable), "{regex}");
        }
    }

    #[test]
    fn the_expressions_of_avro_random_generator_take_every_length_they_may() {
        for (regex, length, expected) in [
            ("[a-zA-Z]{5,15}", None, 5..=15),
            ("[a-zA-Z]*", Some(10..=10), 10..=10),
            ("[a-zA-Z]{0,15}", Some(5..=LENGTH_MAX), 5..=15),
            ("[a-zA-Z]{5,}", Some(0..=15), 5..=15),
            ("[a-zA-Z]*", Some(5..=15), 5..=15),
        ] {
            assert!(lengths_of(&check(regex, length)).into_iter().eq(expected), "{regex}");
        }
    }

    #[test]
    fn what_a_length_leaves_is_dealt_out_exactly() {
        for (regex, length, expected) in [
            ("(ab|abcd)*x?", 0..=5, vec![0, 1, 2, 3, 4, 5]),
            ("(?:ab|abcd){2,3}", 0..=99, vec![4, 6, 8, 10, 12]),
            ("(?:ab|abcde){3}", 7..=14, vec![9, 12]),
            ("(?:[ab]{2}){2,3}", 0..=99, vec![4, 6]),
            ("(a?b?){100}", 3..=4, vec![3, 4]),
            ("(a*)*", 0..=3, vec![0, 1, 2, 3]),
            ("((abc){2}|ä){1,2}", 0..=9, vec![1, 2, 6, 7]),
            ("()*", 0..=9, vec![0]),
            ("[äöü]{2}(€€|x)*", 5..=6, vec![5, 6]),
            ("(a{7}|b{11})*", 950..=952, vec![950, 951, 952]),
            (r"([\w.]{1,9}@){1,}[^@]*z", 1_000..=1_001, vec![1_000, 1_001]),
            ("a|bcd|ef", 2..=3, vec![2, 3]),
        ] {
            let drawn = check(regex, Some(length));
            assert_eq!(lengths_of(&drawn), BTreeSet::from_iter(expected), "{regex}");
        }
    }

    #[test]
    fn every_path_of_an_expression_is_taken() {
        let all = |regex, length| BTreeSet::from_iter(check(regex, length));
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        let expected: BTreeSet<_> =
            texts(&["", "cat", "catcat", "dog", "dogdog", "dogcat", "catdog"]);
        assert_eq!(all("(cat|dog){0,2}", None), expected);
        assert_eq!(all("a?(bc|d)?", Some(2..=2)), texts(&["ad", "bc"]));
        let expected = texts(&["aab", "abb", "aaa", "bbb"]);
        assert_eq!(all("a*b*", Some(3..=3)), expected);
    }

    #[test]
    fn an_open_end_is_far_enough_away() {
        assert!(lengths_of(&check("x*", None)).into_iter().eq(0..=REPEATS_MORE));
        assert!(lengths_of(&check("x{3,}", None)).into_iter().eq(3..=3 + REPEATS_MORE));
        assert_eq!(lengths_of(&check("x+", Some(1_024..=1_024))), BTreeSet::from([1_024]));
    }

    #[test]
    fn the_most_bytes_are_those_of_the_longest_string() {
        for (regex, length, expected) in [
            ("User_[1-9]{0,1}", None, 6),
            ("(abc|[äx]){2}|z", None, 6),
            ("[äö€]{2}ß?", None, 8),
            ("[a-z]*[0-9]*", None, 30),
            ("[a-z]*[0-9]*", Some(3..=15), 15),
            ("ä[a-z]{0,9}", Some(3..=15), 11),
            ("()", Some(0..=15), 0),
        ] {
            let bytes_max = Pattern::compile(regex, length).unwrap().bytes_max();
            assert_eq!(bytes_max, expected, "{regex}");
        }
    }

    #[test]
    fn a_class_is_printable_where_it_can_be() {
        let characters =
            |regex| check(regex, None).join("").chars().collect::<BTreeSet<_>>().into_iter();
        assert!(characters(".{20}").eq(' '..='~'));
        assert!(
            characters(r"[^\w]{20}")
                .all(|character| character.is_ascii_punctuation() || character == ' ')
        );
        assert!(characters(r"\s{20}").eq([' ']));
        assert!(characters("[a-cß]{20}").eq('a'..='c'));
        assert!(characters("[ü-ÿ€]{20}").eq(['ü', 'ý', 'þ', 'ÿ', '€']));
        assert!(characters(r"[\n\t]{20}").eq(['\t', '\n']));
        // Around the gap in the middle of all characters.
        assert!(
            characters(r"[\x{d7fe}-\x{e001}]{20}")
                .eq(['\u{d7fe}', '\u{d7ff}', '\u{e000}', '\u{e001}'])
        );
        assert!(characters("(?-u:[a-c])").eq('a'..='c'));
    }

    #[test]
    fn characters_counts_and_options_are_equally_likely() {
        for (regex, length, values) in [
            ("[a-gX-Z]", None, 10),
            ("[ä-ëŐ-ő]", None, 10),
            ("a{3,7}", None, 5),
            ("ab|cd|efg|h", None, 4),
            ("ab|cd|efg|h", Some(2..=2), 2),
            ("(a|bb)*", Some(1..=1), 1),
            ("a*", Some(3..=7), 5),
        ] {
            let mut counts = BTreeMap::new();
            for text in drawn(regex, length, 1_000 * values) {
                *counts.entry(text).or_insert(0) += 1;
            }
            assert_eq!(counts.len(), values, "{regex}");
            assert!(counts.values().all(|count| (850..1_150).contains(count)), "{counts:?}");
        }
    }

    /// What a seed draws is a contract: a change here changes every payload that has such a field.
    #[test]
    fn a_seed_draws_the_same_strings_for_ever() {
        for (regex, length, expected) in [
            ("User_[1-9]{0,1}", None, ["User_3", "User_5", "User_"]),
            (r"[A-Z]{2}\d{6}[A-Z]", None, ["UF741170D", "LQ098447L", "NK982311P"]),
            ("(ab|cde)*[x-z]?", Some(4..=6), ["abcdex", "cdeab", "cdeab"]),
        ] {
            assert_eq!(drawn(regex, length, 3), expected, "{regex}");
        }
    }

    #[test]
    fn what_holds_at_the_ends_anyway_is_passed_over() {
        for regex in [
            "^a$",
            r"\A\bab\b\z",
            "(?m)^a$",
            "^(?:^a|b$)$",
            "(^a)?b?$",
            "(?:^|,)a(?:,|$)",
            "(?:^)*a",
            "^$",
            "$^",
        ] {
            check(regex, None);
            check(regex, Some(0..=3));
        }
    }

    #[test]
    fn what_cannot_be_honoured_is_refused() {
        let inside = "an anchor or word boundary inside";
        let empty = "a class without characters";
        for (regex, expected) in [
            ("a^b", inside),
            ("a$b", inside),
            ("a^", inside),
            ("$a", inside),
            ("a?^b", inside),
            (r"a\bb", inside),
            (r"\Ba", inside),
            ("(^a){2}", inside),
            ("(a$)*", inside),
            (r"[^\s\S]", empty),
            (r"a[b&&c]", empty),
            ("(a", "unclosed group"),
            ("a{2,1}", "invalid repetition count range, the start must be <= the end"),
            (r"(a)\1", "backreferences are not supported"),
            ("(?=a)", "look-around, including look-ahead and look-behind, is not supported"),
            (r"(?-u:\xff)", "pattern can match invalid UTF-8"),
            ("(?-u:[^a])", "pattern can match invalid UTF-8"),
        ] {
            assert_eq!(error(regex, None), expected, "{regex}");
            assert_eq!(error(regex, Some(0..=9)), expected, "{regex}");
        }
    }

    #[test]
    fn a_length_that_no_string_has_is_refused() {
        let no_such = "no string of it has such a length";
        for (regex, length) in [
            ("abc", 4..=9),
            ("[a-z]{5,}", 1..=4),
            ("(ab|abcd)*", 3..=3),
            ("(a{7}|b{11})*", 59..=59),
            ("(abc)*x", 5..=6),
            ("a{4294967295}", 0..=LENGTH_MAX),
            ("a*", RangeInclusive::new(1, 0)),
        ] {
            assert_eq!(error(regex, Some(length)), no_such, "{regex}");
        }
        assert_eq!(error("a", Some(1..=LENGTH_MAX + 1)), "a length beyond 1024 characters");
    }

    #[test]
    fn hostile_expressions_are_refused_or_cost_little() {
        let deep = format!("{}ab{}", "(?:".repeat(20), "){0,1}".repeat(20));
        let nested = format!("{}a{}", "(".repeat(10_000), ")".repeat(5_000));
        let words = (0..2_000).map(|n| n.to_string()).collect::<Vec<_>>().join("|");
        let classes = r"\w".repeat(REGEX_BYTES_MAX / 2);
        let stars = "(a|bc)*".repeat(500);
        let parts = "a?b?".repeat(4_000);
        let too_long = "a".repeat(REGEX_BYTES_MAX + 1);
        let wide = Some(0..=LENGTH_MAX);
        for (regex, length, fits) in [
            ("((a{1,1000}){1,1000})", None, false),
            ("((a{1,1000}){1,1000})", wide.clone(), true),
            ("(((((((a*)*)*)*)*)*)*)*", None, false),
            ("(((((((a*)*)*)*)*)*)*)*", wide.clone(), false),
            ("((((((a*)*)*)*)*)*)*", wide.clone(), true),
            ("((a{4294967295}){4294967295}){9}b", None, false),
            ("a{32768}", None, true),
            ("a{32769}", None, false),
            ("(ä?){4294967295}", None, false),
            ("(ä?){4294967295}", wide.clone(), true),
            ("((|a)(|b))*()*", None, true),
            ("((|a)(|b))*()*", wide.clone(), true),
            ("(|){4294967295}", None, true),
            (&deep, None, true),
            (&deep, wide.clone(), true),
            (&nested, None, false),
            (&words, None, true),
            (&words, wide.clone(), true),
            (&classes, None, true),
            (&stars, None, true),
            (&stars, wide.clone(), false),
            (&parts, None, true),
            (&parts, wide, false),
            (&too_long, None, false),
        ] {
            let compiled = Pattern::compile(regex, length);
            let short = regex.get(..30).unwrap_or(regex);
            assert_eq!(compiled.is_ok(), fits, "{short}: {:?}", compiled.err());
            let Ok(pattern) = compiled else { continue };
            let mut out = vec![0; pattern.bytes_max()];
            let written = pattern.write(&mut Rng::with_seed(1), &mut out);
            assert!(str::from_utf8(&out[..written]).is_ok());
        }
    }

    /// Expressions over `leaves`: one after the other, one or the other, again and again.
    fn expressions(leaves: &'static [&'static str]) -> impl Strategy<Value = String> {
        let leaf = proptest::sample::select(leaves).prop_map(str::to_owned);
        leaf.prop_recursive(4, 256, 4, |inner| {
            let some = proptest::collection::vec(inner.clone(), 1..4);
            let count = proptest::sample::select(&["*", "+", "?", "{2}", "{2,}", "{0,3}", "{3,5}"]);
            prop_oneof![
                some.clone().prop_map(|parts| parts.concat()),
                some.prop_map(|options| format!("({})", options.join("|"))),
                (inner, count).prop_map(|(body, count)| format!("(?:{body}){count}")),
            ]
        })
    }

    proptest! {
        /// Whatever is drawn, another engine matches, and it has a length that was asked for.
        #[test]
        fn every_draw_matches(
            regex in expressions(&["a", "bc", "", "[a-c]", r"\d", ".", "[^b]", "ä", "[äöü]", "€x"]),
            low in 0_usize..10,
            more in 0_usize..20,
        ) {
            for length in [None, Some(low..=low + more)] {
                match Pattern::compile(&regex, length.clone()) {
                    Ok(_) => drop(check(&regex, length)),
                    Err(error) => prop_assert!(error.starts_with("strings of") || length.is_some()),
                }
            }
        }

        /// A length is refused exactly where no string has it: with one letter, a string is its
        /// length, so another engine can tell.
        #[test]
        fn a_length_is_refused_where_no_string_has_it(
            regex in expressions(&["a", "aa", "aaaaa", "", "a{70}", "a{3,4}"]),
        ) {
            let whole = whole(&regex);
            for length in (0..20).chain(60..80).chain([140, LENGTH_MAX]) {
                let compiled = Pattern::compile(&regex, Some(length..=length));
                let exists = whole.is_match(&"a".repeat(length));
                prop_assert_eq!(compiled.is_ok(), exists, "{}", length);
            }
        }
    }
}
