//! `tenants`: events a second spread over many tenants, against one tenant (engine rule E11).

use anyhow::Context;
use serde::Serialize;

use super::throughput::closed_loop;
use crate::api::Api;
use crate::gateway::OPERATOR_TOKEN;
use crate::lab::Lab;
use crate::percentiles::median;
use crate::report::{Figure, Hold, Report, Unit};
use crate::stage::{EVENT_TYPE, Kind, Pass, Stage};

const SETUP_THREADS: u64 = 8;

#[derive(Serialize)]
struct Turn {
    one: Pass,
    many: Pass,
}

pub(super) fn tenants(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let turns = (0..lab.options.repetitions).map(|_| turn(lab)).collect::<anyhow::Result<Vec<_>>>()?;
    let ratio = median(turns.iter().map(|turn| turn.many.deliveries_per_s / turn.one.deliveries_per_s));
    let name = format!("events/s, {} tenants / one", lab.options.tenants);
    report.figures.push(Figure::new(name, Hold::AtLeast(0.6), ratio.context("no turns")?, Unit::Ratio));
    report.raw.insert("tenants".to_owned(), serde_json::to_value(turns)?);
    Ok(())
}

fn turn(lab: &Lab) -> anyhow::Result<Turn> {
    let plan = closed_loop(lab, 1);
    let mut stage = Stage::start(lab, Kind::Gateway, 1)?;
    stage.warm_up(lab, plan)?;
    let one = stage.pass(lab, plan)?;
    // All webhooks share one URL number: a sequence number is published to one tenant only.
    let tokens = create_tenants(lab, &stage)?;
    stage.tokens = lab.tokens(tokens.iter().map(String::as_str))?;
    stage.warm_up(lab, plan)?;
    let many = stage.pass(lab, plan)?;
    stage.finish(lab)?;
    Ok(Turn { one, many })
}

/// Creates the tenants, each with a webhook; returns their tokens.
fn create_tenants(lab: &Lab, stage: &Stage) -> anyhow::Result<Vec<String>> {
    let (address, url) = (stage.address(), stage.receiver.url(0));
    let create = &|thread: u64| -> anyhow::Result<Vec<String>> {
        let mut api = Api::connect(address)?;
        let mut tokens = Vec::new();
        for _ in (thread..lab.options.tenants).step_by(SETUP_THREADS as usize) {
            let tenant = api.create_tenant(OPERATOR_TOKEN, &lab.name("tenant"))?;
            api.create_webhook(&tenant.token, &url, EVENT_TYPE)?;
            tokens.push(tenant.token);
        }
        Ok(tokens)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..SETUP_THREADS).map(|thread| scope.spawn(move || create(thread))).collect();
        let mut tokens = Vec::new();
        for thread in threads {
            tokens.extend(thread.join().expect("a setup thread does not panic")?);
        }
        Ok(tokens)
    })
}
