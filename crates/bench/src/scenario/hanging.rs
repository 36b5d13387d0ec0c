//! `hanging`: a healthy webhook at 50/s, alone and beside webhooks that never finish an answer.
//!
//! Same tenant, same gateway process. Half of the bad webhooks take the request and say nothing, half
//! answer with a body that never ends; each gets an event a second.

use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use super::latency::{CALM_RATE, open_loop};
use crate::lab::{Lab, LoadPlan, Receiver};
use crate::percentiles::median;
use crate::report::{Figure, Hold, Report, Unit};
use crate::stage::{Kind, PUBLISH_PATH, Pass, Stage};

const HANGING_EVENT_TYPE: &str = "bench.hanging";
const HANGING_RATE: f64 = 1.0;
/// How long the bad webhooks have to be busy before the healthy one is measured.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Serialize)]
struct Turn {
    /// Requests that the bad receivers had taken when the measurement began, and when it ended.
    hanging_before: u64,
    hanging_after: u64,
    alone: Pass,
    beside: Pass,
}

pub(super) fn hanging(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let turns = (0..lab.options.repetitions).map(|_| turn(lab)).collect::<anyhow::Result<Vec<_>>>()?;
    let p99 = |pass: &Pass| pass.receipts.latency.map(|times| times.p99_ms);
    let ratios = turns.iter().filter_map(|turn| Some(p99(&turn.beside)? / p99(&turn.alone)?));
    let ratio = median(ratios).context("no samples")?;
    let name = format!("healthy p99 beside {} hanging webhooks / alone", lab.options.hanging);
    report.figures.push(Figure::new(name, Hold::AtMost(2.0), ratio, Unit::Ratio));
    report.raw.insert("hanging".to_owned(), serde_json::to_value(turns)?);
    Ok(())
}

fn turn(lab: &Lab) -> anyhow::Result<Turn> {
    let mut stage = Stage::start(lab, Kind::Gateway, 1)?;
    let healthy = open_loop(lab, CALM_RATE, lab.options.seconds);
    stage.warm_up(lab, healthy)?;
    let alone = stage.pass(lab, healthy)?;

    let mut silent = Receiver::start(lab, &["--hang"])?;
    let mut endless = Receiver::start(lab, &["--endless"])?;
    for webhook in 0..lab.options.hanging {
        let receiver = if webhook % 2 == 0 { &silent } else { &endless };
        stage.add_webhook(&receiver.url(webhook), HANGING_EVENT_TYPE)?;
    }
    let flood = LoadPlan {
        // Outlasts the measurement; it ends with its process.
        events: lab.options.seconds + 3_600,
        connections: 4,
        rate: Some(HANGING_RATE),
        path: PUBLISH_PATH,
        event_type: HANGING_EVENT_TYPE,
    };
    let flooding = lab.start_load(stage.address(), &stage.tokens, flood)?;
    let half = lab.options.hanging / 2;
    let hanging_before = silent.control.wait(half, BUSY_TIMEOUT)?.distinct
        + endless.control.wait(half, BUSY_TIMEOUT)?.distinct;
    let beside = stage.pass(lab, healthy)?;
    let hanging_after = silent.control.stats()?.distinct + endless.control.stats()?.distinct;
    flooding.kill()?;
    stage.finish(lab)?;
    Ok(Turn { hanging_before, hanging_after, alone, beside })
}
