//! Figures against what design section 8 asks of them: a table for people, JSON for machines.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

/// What a figure has to hold.
#[derive(Serialize, Debug, Clone, Copy, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Hold {
    AtLeast(f64),
    AtMost(f64),
    /// Shown for information.
    Nothing,
}

#[derive(Serialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    Ratio,
    PerSecond,
    Milliseconds,
    Megabytes,
    Seconds,
}

#[derive(Serialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Ok,
    Short,
    Info,
}

/// One row of the table.
#[derive(Serialize, Debug, Clone)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) hold: Hold,
    pub(crate) measured: f64,
    pub(crate) unit: Unit,
    pub(crate) verdict: Verdict,
}

impl Figure {
    pub(crate) fn new(name: impl Into<String>, hold: Hold, measured: f64, unit: Unit) -> Self {
        let verdict = match hold {
            Hold::AtLeast(least) if measured >= least => Verdict::Ok,
            Hold::AtMost(most) if measured <= most => Verdict::Ok,
            Hold::AtLeast(_) | Hold::AtMost(_) => Verdict::Short,
            Hold::Nothing => Verdict::Info,
        };
        Self { name: name.into(), hold, measured, unit, verdict }
    }
}

/// Figures and the raw numbers behind them.
#[derive(Serialize, Default)]
pub(crate) struct Report {
    pub(crate) figures: Vec<Figure>,
    /// By scenario: what each turn measured.
    pub(crate) raw: serde_json::Map<String, Value>,
}

impl Report {
    pub(crate) fn is_short(&self) -> bool {
        self.figures.iter().any(|figure| figure.verdict == Verdict::Short)
    }

    pub(crate) fn table(&self) -> String {
        let rows: Vec<[String; 4]> = self.figures.iter().map(row).collect();
        let width = rows.iter().map(|row| row[0].chars().count()).max().unwrap_or(0).max("figure".len());
        let mut table = format!("{:width$}  {:>12}  {:>12}  verdict\n", "figure", "hold", "measured");
        for [name, hold, measured, verdict] in rows {
            writeln!(table, "{name:width$}  {hold:>12}  {measured:>12}  {verdict}")
                .expect("writing to a string succeeds");
        }
        table
    }

    /// Writes `<directory>/<name>.json`; returns its path.
    pub(crate) fn save(&self, directory: &Path, name: &str) -> anyhow::Result<PathBuf> {
        let path = directory.join(format!("{name}.json"));
        fs::write(&path, serde_json::to_vec_pretty(self)?)?;
        Ok(path)
    }
}

fn row(figure: &Figure) -> [String; 4] {
    let hold = match figure.hold {
        Hold::AtLeast(least) => format!("≥ {}", value(least, figure.unit)),
        Hold::AtMost(most) => format!("≤ {}", value(most, figure.unit)),
        Hold::Nothing => "–".to_owned(),
    };
    let verdict = match figure.verdict {
        Verdict::Ok => "ok",
        Verdict::Short => "short",
        Verdict::Info => "–",
    };
    [figure.name.clone(), hold, value(figure.measured, figure.unit), verdict.to_owned()]
}

fn value(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Ratio => format!("{value:.2}"),
        Unit::PerSecond => format!("{value:.0} /s"),
        Unit::Milliseconds => format!("{value:.2} ms"),
        Unit::Megabytes => format!("{value:.1} MB"),
        Unit::Seconds => format!("{value:.2} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_and_table() {
        let mut report = Report::default();
        report.figures.push(Figure::new("one webhook", Hold::AtLeast(0.6), 0.6, Unit::Ratio));
        report.figures.push(Figure::new("forwarder", Hold::Nothing, 50_000.4, Unit::PerSecond));
        assert!(!report.is_short());
        report.figures.push(Figure::new("p99", Hold::AtMost(4.5), 4.51, Unit::Milliseconds));
        assert!(report.is_short());
        let expected = "\
figure               hold      measured  verdict
one webhook        ≥ 0.60          0.60  ok
forwarder               –      50000 /s  –
p99             ≤ 4.50 ms       4.51 ms  short
";
        assert_eq!(report.table(), expected);
    }
}
