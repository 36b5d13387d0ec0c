//! Charts: figures of a series turned into places on a canvas, which templates draw as SVG. Nothing here knows what they mean.

use std::time::Duration;

use stentor_core::time::Time;

use super::shapes::{Piece, Statistics};
use super::write;

/// Where the plot is on the canvas of 480 by 180 units.
const LEFT: f64 = 56.0;
const RIGHT: f64 = 472.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 156.0;
const HOUR: Duration = Duration::from_secs(3_600);
/// Hours between two labels below the axis.
const LABEL_EVERY: usize = 6;
/// The canvas of a sparkline.
const SPARK: (f64, f64) = (96.0, 24.0);

/// One place in the series: an hour.
pub(super) struct Hour<'a> {
    pub(super) at: Time,
    piece: Option<&'a Piece>,
}

/// All hours of the series, those without anything too.
pub(super) fn hours(statistics: &Statistics) -> Vec<Hour<'_>> {
    let mut hours = Vec::new();
    let mut at = statistics.since;
    while at <= statistics.until && hours.len() < 200 {
        let piece = statistics.data.iter().find(|piece| piece.at == at);
        hours.push(Hour { at, piece });
        at = at.plus(HOUR);
    }
    hours
}

impl Hour<'_> {
    pub(super) fn delivered(&self) -> u64 {
        self.piece.map_or(0, |piece| piece.sums.successful_deliveries)
    }

    pub(super) fn dead(&self) -> u64 {
        self.piece.map_or(0, |piece| piece.sums.failed_deliveries)
    }

    pub(super) fn median(&self) -> Option<f64> {
        self.piece?.sums.response_time.p50
    }

    pub(super) fn p95(&self) -> Option<f64> {
        self.piece?.sums.response_time.p95
    }

    pub(super) fn delay(&self) -> Option<f64> {
        self.piece?.sums.queue_delay.p95
    }

    pub(super) fn rate(&self) -> Option<f64> {
        self.piece?.sums.success_rate
    }
}

/// A stacked bar.
pub(super) struct Bar {
    pub(super) x: String,
    pub(super) width: String,
    pub(super) good: (String, String),
    pub(super) bad: (String, String),
    pub(super) title: String,
}

/// A line across the plot with what it stands for.
pub(super) struct Tick {
    pub(super) at: String,
    pub(super) label: String,
}

/// Bars with axes.
pub(super) struct Bars {
    pub(super) bars: Vec<Bar>,
    pub(super) ticks: Vec<Tick>,
    pub(super) labels: Vec<Tick>,
}

/// Lines with axes.
pub(super) struct Lines {
    pub(super) median: String,
    pub(super) p95: String,
    pub(super) dots: Vec<(String, String, String)>,
    pub(super) ticks: Vec<Tick>,
    pub(super) labels: Vec<Tick>,
}

/// What was delivered and what was given up, by hour.
pub(super) fn outcomes(hours: &[Hour<'_>]) -> Bars {
    let most = hours.iter().map(|hour| hour.delivered() + hour.dead()).max().unwrap_or(0);
    let top = round_up(most.max(4) as f64);
    let step = (RIGHT - LEFT) / hours.len().max(1) as f64;
    let bar = |(index, hour): (usize, &Hour<'_>)| {
        let (good, bad) = (hour.delivered() as f64 / top, hour.dead() as f64 / top);
        let height = |share: f64| share * (BOTTOM - TOP);
        let delivered = write::counted(hour.delivered(), "delivery", "deliveries");
        Bar {
            x: units(LEFT + step * index as f64 + step * 0.15),
            width: units(step * 0.7),
            good: (units(BOTTOM - height(good)), units(height(good))),
            bad: (units(BOTTOM - height(good) - height(bad)), units(height(bad))),
            title: format!(
                "{}: {delivered} delivered, {} given up",
                write::clock(hour.at),
                write::count(hour.dead())
            ),
        }
    };
    let bars = hours.iter().enumerate().map(bar).collect();
    let label = |value: f64| write::count(value as u64);
    Bars { bars, ticks: ticks(top, label), labels: labels(hours, step) }
}

/// How long answers took, by hour.
pub(super) fn answers(hours: &[Hour<'_>]) -> Lines {
    let most = hours.iter().filter_map(Hour::p95).fold(0.01_f64, f64::max);
    let top = round_up(most * 1_000.0) / 1_000.0;
    let step = (RIGHT - LEFT) / hours.len().max(1) as f64;
    let place = |index: usize, value: f64| {
        (units(LEFT + step * (index as f64 + 0.5)), units(BOTTOM - value / top * (BOTTOM - TOP)))
    };
    let path = |of: &dyn Fn(&Hour<'_>) -> Option<f64>| {
        let mut path = String::new();
        for (index, hour) in hours.iter().enumerate() {
            let Some(value) = of(hour) else { continue };
            let (x, y) = place(index, value);
            // Where there was nothing between, the line goes on: what is not known is not zero.
            path.push_str(if path.is_empty() { "M" } else { "L" });
            path.push_str(&format!("{x} {y}"));
        }
        path
    };
    let dots = hours.iter().enumerate().filter_map(|(index, hour)| {
        let (median, p95) = (hour.median()?, hour.p95()?);
        let (x, y) = place(index, p95);
        let title =
            format!("{}: p50 {}, p95 {}", write::clock(hour.at), write::seconds(median), write::seconds(p95));
        Some((x, y, title))
    });
    let dots = dots.collect();
    Lines {
        median: path(&|hour| hour.median()),
        p95: path(&|hour| hour.p95()),
        dots,
        ticks: ticks(top, write::seconds),
        labels: labels(hours, step),
    }
}

/// A small line without axes; none when there are fewer than two values.
pub(super) fn spark(values: impl Iterator<Item = Option<f64>>) -> Option<String> {
    let values: Vec<Option<f64>> = values.collect();
    let known: Vec<f64> = values.iter().flatten().copied().collect();
    if known.len() < 2 {
        return None;
    }
    let (low, high) =
        known.iter().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
    let span = if high > low { high - low } else { 1.0 };
    let step = (SPARK.0 - 2.0) / (values.len() - 1) as f64;
    let mut path = String::new();
    for (index, value) in values.iter().enumerate() {
        let Some(value) = value else { continue };
        let (x, y) = (1.0 + step * index as f64, SPARK.1 - 3.0 - (value - low) / span * (SPARK.1 - 6.0));
        path.push_str(if path.is_empty() { "M" } else { "L" });
        path.push_str(&format!("{} {}", units(x), units(y)));
    }
    Some(path)
}

fn ticks(top: f64, label: impl Fn(f64) -> String) -> Vec<Tick> {
    let place = |share: f64| Tick { at: units(BOTTOM - share * (BOTTOM - TOP)), label: label(top * share) };
    [0.0, 0.5, 1.0].map(place).into()
}

fn labels(hours: &[Hour<'_>], step: f64) -> Vec<Tick> {
    let every = hours.iter().enumerate().step_by(LABEL_EVERY);
    every
        .map(|(index, hour)| Tick { at: units(LEFT + step * index as f64), label: write::clock(hour.at) })
        .collect()
}

/// The next 1, 2, 4 or 5 times a power of ten: axes end at figures that can be halved at sight.
fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.max(1.0).log10().floor());
    let found = [1.0, 2.0, 4.0, 5.0, 10.0].into_iter().map(|step| step * power).find(|step| *step >= value);
    found.unwrap_or(value)
}

fn units(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_figures_above_all_values() {
        let ends = [4.0, 5.5, 11.0, 39.0, 401.0].map(round_up);
        assert_eq!(ends, [4.0, 10.0, 20.0, 40.0, 500.0]);
    }

    #[test]
    fn hours_without_anything_are_there_too() {
        let text = r#"{"status":"healthy","since":"2026-01-01T00:00:00Z","until":"2026-01-01T03:10:00Z",
            "total":SUMS,"data":[{"at":"2026-01-01T01:00:00Z",REST]}"#;
        let sums = r#""success_rate":75.0,"successful_deliveries":3,"failed_deliveries":1,"attempts":9,"retries":2,"errors":{},
            "response_time":{"p50":0.1,"p95":0.2,"p99":0.3},"queue_delay":{"p50":0.1,"p95":0.2,"p99":0.3}}"#;
        let text = text.replace("SUMS", &format!("{{{sums}")).replace("REST", sums);
        let statistics: Statistics = serde_json::from_str(&text).expect("statistics");
        let hours = hours(&statistics);
        let bars = outcomes(&hours);
        assert_eq!(bars.bars.len(), 4);
        assert_eq!(bars.bars[1].title, "01:00: 3 deliveries delivered, 1 given up");
        assert_eq!(
            (bars.bars[0].good.1.as_str(), bars.bars[1].good.1.as_str(), bars.bars[1].bad.1.as_str()),
            ("0.0", "108.0", "36.0")
        );
        assert!(answers(&hours).p95.starts_with('M'));
        assert_eq!(spark([Some(1.0), None, None].into_iter()), None);
        assert_eq!(spark([Some(1.0), None, Some(2.0)].into_iter()).as_deref(), Some("M1.0 21.0L95.0 3.0"));
    }
}
