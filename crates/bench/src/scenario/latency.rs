//! `latency`: publish to receiver in an open loop, at 50/s and at half of the subject's own maximum.

use serde::Serialize;

use super::throughput::{closed_loop, kinds};
use crate::lab::{Lab, LoadPlan};
use crate::percentiles::{Percentiles, median};
use crate::report::{Figure, Hold, Report, Unit};
use crate::stage::{EVENT_TYPE, Kind, PUBLISH_PATH, Pass, Stage};

pub(super) const CALM_RATE: f64 = 50.0;

/// Seconds at half of the maximum: fewer than at 50/s give as many samples.
const BUSY_SECONDS_MAX: u64 = 5;

#[derive(Serialize)]
struct Turn {
    kind: Kind,
    maximum_per_s: f64,
    calm: Pass,
    half: Pass,
}

pub(super) fn latency(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let mut turns = Vec::new();
    for _ in 0..lab.options.repetitions {
        for kind in kinds(lab) {
            turns.push(turn(lab, *kind)?);
        }
    }
    type Pick = fn(&Turn) -> Option<f64>;
    let rows: [(&str, Pick, f64); 3] = [
        ("at 50/s: p50", |turn| received(&turn.calm).map(|times| times.p50_ms), 1.5),
        ("at 50/s: p99", |turn| received(&turn.calm).map(|times| times.p99_ms), 4.5),
        ("at half of maximum: p99", |turn| received(&turn.half).map(|times| times.p99_ms), 20.0),
    ];
    for (name, pick, most_ms) in rows {
        for kind in kinds(lab).iter().rev() {
            let (subject, hold) = match kind {
                Kind::Gateway => ("gateway", Hold::AtMost(most_ms)),
                Kind::Forwarder => ("forwarder", Hold::Nothing),
            };
            let of_kind = turns.iter().filter(|turn| turn.kind == *kind).filter_map(pick);
            let name = format!("publish → receiver {name}, {subject}");
            report.figures.extend(median(of_kind).map(|ms| Figure::new(name, hold, ms, Unit::Milliseconds)));
        }
    }
    report.raw.insert("latency".to_owned(), serde_json::to_value(turns)?);
    Ok(())
}

/// An open loop at `rate` events a second.
pub(super) fn open_loop(lab: &Lab, rate: f64, seconds: u64) -> LoadPlan {
    LoadPlan {
        events: ((rate * seconds as f64) as u64).max(1),
        connections: lab.options.connections,
        rate: Some(rate),
        event_type: EVENT_TYPE,
        path: PUBLISH_PATH,
    }
}

fn turn(lab: &Lab, kind: Kind) -> anyhow::Result<Turn> {
    let mut stage = Stage::start(lab, kind, 1)?;
    let saturating = closed_loop(lab, 1);
    stage.warm_up(lab, saturating)?;
    let maximum_per_s = stage.pass(lab, saturating)?.deliveries_per_s;
    let busy_seconds = lab.options.seconds.min(BUSY_SECONDS_MAX);
    let half = stage.pass(lab, open_loop(lab, maximum_per_s / 2.0, busy_seconds))?;
    let calm = stage.pass(lab, open_loop(lab, CALM_RATE, lab.options.seconds))?;
    stage.finish(lab)?;
    Ok(Turn { kind, maximum_per_s, calm, half })
}

fn received(pass: &Pass) -> Option<Percentiles> {
    pass.receipts.latency
}
