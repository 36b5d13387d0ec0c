//! `one` and `fanout`: deliveries a second in a closed loop, gateway to forwarder.

use crate::lab::{Lab, LoadPlan};
use crate::percentiles::median;
use crate::report::{Figure, Hold, Report, Unit};
use crate::stage::{EVENT_TYPE, Extras, Kind, PUBLISH_PATH, Pass, Stage};

const FANOUT_WEBHOOKS: u64 = 10;

pub(super) fn one(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let hold = if lab.is_postgres() { 0.45 } else { 0.60 };
    compare(lab, report, "one", 1, hold)
}

pub(super) fn fanout(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    compare(lab, report, "fanout", FANOUT_WEBHOOKS, 0.60)
}

/// A closed loop with as many events as `--events` asks deliveries, but at least 500.
pub(super) fn closed_loop(lab: &Lab, webhooks: u64) -> LoadPlan {
    // A delivery of a fan-out is cheaper than a published event, hence twice as many.
    let events = if webhooks == 1 { lab.options.events } else { 2 * lab.options.events / webhooks };
    LoadPlan {
        events: events.max(500),
        connections: lab.options.connections,
        rate: None,
        event_type: EVENT_TYPE,
        path: PUBLISH_PATH,
    }
}

/// The kinds to take turns with.
pub(super) fn kinds(lab: &Lab) -> &'static [Kind] {
    if lab.options.baseline_only { &[Kind::Forwarder] } else { &[Kind::Forwarder, Kind::Gateway] }
}

fn compare(lab: &Lab, report: &mut Report, name: &str, webhooks: u64, hold: f64) -> anyhow::Result<()> {
    let (mut forwarder, mut gateway) = (Vec::new(), Vec::new());
    for _ in 0..lab.options.repetitions {
        for kind in kinds(lab) {
            let pass = turn(lab, *kind, webhooks)?;
            match kind {
                Kind::Forwarder => forwarder.push(pass),
                Kind::Gateway => gateway.push(pass),
            }
        }
    }
    let rate = |passes: &[Pass]| median(passes.iter().map(|pass| pass.deliveries_per_s));
    // Neighbours in time are compared, so that a drift of the machine cancels out.
    let ratios = gateway.iter().zip(&forwarder).map(|(g, f)| g.deliveries_per_s / f.deliveries_per_s);
    let ratio = median(ratios);
    let cpu_ratios = gateway
        .iter()
        .zip(&forwarder)
        .map(|(g, f)| g.subject_cpu_us_per_delivery / f.subject_cpu_us_per_delivery);
    let cpu_ratio = median(cpu_ratios);
    let figures = [
        ratio.map(|ratio| Figure::new(title(lab, name, "ratio"), Hold::AtLeast(hold), ratio, Unit::Ratio)),
        rate(&gateway)
            .map(|rate| Figure::new(title(lab, name, "gateway"), Hold::Nothing, rate, Unit::PerSecond)),
        rate(&forwarder)
            .map(|rate| Figure::new(title(lab, name, "forwarder"), Hold::Nothing, rate, Unit::PerSecond)),
        // The figure that other processes on the machine disturb least.
        cpu_ratio.map(|ratio| Figure::new(title(lab, name, "CPU ratio"), Hold::Nothing, ratio, Unit::Ratio)),
    ];
    report.figures.extend(figures.into_iter().flatten());
    report.raw.insert(name.to_owned(), serde_json::json!({ "forwarder": forwarder, "gateway": gateway }));
    Ok(())
}

fn title(lab: &Lab, name: &str, what: &str) -> String {
    let extras = if lab.options.with_everything { " with everything" } else { "" };
    let webhooks = if name == "one" { "one webhook" } else { "ten webhooks" };
    format!("deliveries/s, {webhooks}{extras}: {what}")
}

fn turn(lab: &Lab, kind: Kind, webhooks: u64) -> anyhow::Result<Pass> {
    let plan = closed_loop(lab, webhooks);
    let extras = if lab.options.with_everything { Extras::Everything } else { Extras::None };
    let mut stage = Stage::start_with(lab, kind, webhooks, extras)?;
    stage.warm_up(lab, plan)?;
    let pass = stage.pass(lab, plan)?;
    stage.finish(lab)?;
    Ok(pass)
}
