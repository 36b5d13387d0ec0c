//! `tenants`: events a second spread over many tenants, against one tenant (engine rule E11).

use anyhow::Context;
use serde::Serialize;
use serde_json::json;

use super::setup;
use super::throughput::closed_loop;
use crate::gateway::OPERATOR_TOKEN;
use crate::lab::Lab;
use crate::percentiles::median;
use crate::report::{Figure, Hold, Report, Unit};
use crate::stage::{EVENT_TYPE, Kind, Pass, Stage};

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
    setup::each(address, lab.options.tenants, |api, _| {
        let tenant = api.create_tenant(OPERATOR_TOKEN, &lab.name("tenant"), None)?;
        api.create_webhook(&tenant.token, &json!({ "url": url, "events": [EVENT_TYPE] }))?;
        Ok(tenant.token)
    })
}
