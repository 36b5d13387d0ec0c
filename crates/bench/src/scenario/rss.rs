//! `rss`: the gateway's resident memory, idle and at its peak under full load.

use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use super::throughput::closed_loop;
use crate::lab::Lab;
use crate::percentiles::median;
use crate::processes::Usage;
use crate::report::{Figure, Hold, Report, Unit};
use crate::stage::{Kind, Pass, Stage};

/// How long the gateway may settle before it counts as idle.
const SETTLE: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Turn {
    idle: Usage,
    loaded: Pass,
}

pub(super) fn rss(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let turns = (0..lab.options.repetitions).map(|_| turn(lab)).collect::<anyhow::Result<Vec<_>>>()?;
    let idle = median(turns.iter().map(|turn| turn.idle.rss_mb)).context("no turns")?;
    let peak = median(turns.iter().map(|turn| turn.loaded.subject.rss_peak_mb)).context("no turns")?;
    report.figures.push(Figure::new("RSS idle", Hold::AtMost(30.0), idle, Unit::Megabytes));
    report.figures.push(Figure::new("RSS at full load (peak)", Hold::AtMost(150.0), peak, Unit::Megabytes));
    report.raw.insert("rss".to_owned(), serde_json::to_value(turns)?);
    Ok(())
}

fn turn(lab: &Lab) -> anyhow::Result<Turn> {
    let mut stage = Stage::start(lab, Kind::Gateway, 1)?;
    std::thread::sleep(SETTLE);
    let idle = stage.usage()?;
    let loaded = stage.pass(lab, closed_loop(lab, 1))?;
    stage.finish(lab)?;
    Ok(Turn { idle, loaded })
}
