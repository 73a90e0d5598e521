//! One drawing: axes, lines and the letters at their ends, as SVG.

use std::fmt::Write;

use super::LOOKS;
use super::axis::Axis;
use super::escaped;
use super::letters;

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 230.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 34.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 26.0;

/// Letters at the ends of lines are so far apart at least, above or beside each other.
const LETTER_HEIGHT: f64 = 12.0;
const LETTER_WIDTH: f64 = 20.0;

/// A line; where nothing was measured it has a gap.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) points: Vec<Option<(f64, f64)>>,
}

impl Line {
    /// Returns what was measured.
    pub(super) fn values(&self) -> impl Iterator<Item = &(f64, f64)> {
        self.points.iter().flatten()
    }
}

/// A drawing.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    pub(super) title: &'static str,
    pub(super) subtitle: &'static str,
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// One a run.
    pub(super) lines: Vec<Line>,
    /// Where values were meant to be.
    pub(super) targets: Vec<f64>,
}

impl Panel {
    fn x_of(&self, value: f64) -> f64 {
        LEFT + self.x.place(value) * (WIDTH - LEFT - RIGHT)
    }

    fn y_of(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.place(value) * (HEIGHT - TOP - BOTTOM)
    }

    /// Draws it.
    pub(super) fn svg(&self) -> String {
        let mut svg = String::new();
        let (title, subtitle) = (escaped(self.title), escaped(self.subtitle));
        // Writing to a string cannot fail.
        write!(
            svg,
            "<figure>\n<figcaption>{title} <small>{subtitle}</small></figcaption>\n\
             <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             aria-label=\"{title}: {subtitle}\">\n"
        )
        .ok();
        if self.lines.iter().all(|line| line.values().next().is_none()) {
            let (x, y) = (WIDTH / 2.0, HEIGHT / 2.0);
            writeln!(svg, "<text class=\"none\" x=\"{x}\" y=\"{y}\">not measured</text>").ok();
        } else {
            self.axes(&mut svg);
            self.marks(&mut svg);
        }
        svg.push_str("</svg>\n</figure>\n");
        svg
    }

    fn axes(&self, svg: &mut String) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for (value, label) in &self.y.ticks {
            let y = self.y_of(*value);
            writeln!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/>\
                 <text class=\"y\" x=\"{:.1}\" y=\"{:.1}\">{label}</text>",
                LEFT - 7.0,
                y + 4.0
            )
            .ok();
        }
        for (value, label) in &self.x.ticks {
            let x = self.x_of(*value);
            writeln!(
                svg,
                "<path class=\"grid\" d=\"M{x:.1} {bottom}v4\"/>\
                 <text class=\"x\" x=\"{x:.1}\" y=\"{:.1}\">{label}</text>",
                bottom + 18.0
            )
            .ok();
        }
        writeln!(svg, "<path class=\"axis\" d=\"M{LEFT} {bottom}H{right}\"/>").ok();
    }

    fn marks(&self, svg: &mut String) {
        let right = WIDTH - RIGHT;
        let mut targets = self.targets.clone();
        targets.dedup();
        for target in targets {
            let y = self.y_of(target);
            writeln!(svg, "<path class=\"target\" d=\"M{LEFT} {y:.1}H{right}\"/>").ok();
        }
        for (run, line) in self.lines.iter().enumerate() {
            let path = self.path(line);
            if !path.is_empty() {
                let look = run % LOOKS;
                writeln!(svg, "<path class=\"line l{look}\" d=\"{path}\"/>").ok();
            }
        }
        // With a single run there is nothing to tell apart.
        if self.lines.len() < 2 {
            return;
        }
        let mut ends: Vec<(f64, f64, usize)> = Vec::new();
        for (run, line) in self.lines.iter().enumerate() {
            if let Some((x, y)) = line.values().last() {
                ends.push((self.y_of(*y), self.x_of(*x), run));
            }
        }
        ends.sort_by(|one, other| one.0.total_cmp(&other.0));
        // Apart from their neighbours, from the lowest up, so that none stands on the axis.
        let mut placed: Vec<(f64, f64)> = Vec::new();
        for (y, x, run) in ends.into_iter().rev() {
            let near = placed.iter().filter(|(at, _)| (at - x).abs() < LETTER_WIDTH);
            let y = near.map(|(_, y)| y - LETTER_HEIGHT).fold(y, f64::min);
            placed.push((x, y));
            writeln!(
                svg,
                "<text class=\"end e{}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                run % LOOKS,
                x + 5.0,
                y + 4.0,
                letters(run)
            )
            .ok();
        }
    }

    /// Returns a line's path; a point without neighbours is a dot.
    fn path(&self, line: &Line) -> String {
        let mut path = String::new();
        let mut is_drawing = false;
        for (place, point) in line.points.iter().enumerate() {
            if let Some((x, y)) = point {
                let (x, y) = (self.x_of(*x), self.y_of(*y));
                let command = if is_drawing { 'L' } else { 'M' };
                write!(path, "{command}{x:.1} {y:.1}").ok();
                let is_alone = line.points.get(place + 1).is_none_or(Option::is_none);
                if !is_drawing && is_alone {
                    path.push_str("h0");
                }
            }
            is_drawing = point.is_some();
        }
        path
    }
}
