//! `ingest`: events a second taken at `POST /` with a username and password, against publishing the same bodies with a token
//! in the same gateway, with one credential and with many.

use anyhow::Context;
use serde::Serialize;

use super::setup;
use super::throughput::closed_loop;
use crate::api::Api;
use crate::lab::{Lab, LoadPlan};
use crate::percentiles::median;
use crate::report::{Figure, Hold, Report, Unit};
use crate::stage::{Kind, Pass, Stage};

/// Credentials that a source may have.
const CREDENTIALS_OF_SOURCE: u64 = 1_000;
const INGEST_PATH: &str = "/";

#[derive(Serialize)]
struct Turn {
    publish: Pass,
    one: Pass,
    many: Pass,
}

type Pick = fn(&Turn) -> &Pass;

pub(super) fn ingest(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let turns = (0..lab.options.repetitions).map(|_| turn(lab)).collect::<anyhow::Result<Vec<_>>>()?;
    let many = format!("{} credentials", lab.options.credentials);
    let (one, of_many): (Pick, Pick) = (|turn| &turn.one, |turn| &turn.many);
    for (name, pick) in [("one credential", one), (&many, of_many)] {
        let ratio =
            median(turns.iter().map(|turn| accepted_per_s(pick(turn)) / accepted_per_s(&turn.publish)));
        let name = format!("ingest/s, {name} / publish with a token");
        report.figures.push(Figure::new(name, Hold::AtLeast(0.9), ratio.context("no turns")?, Unit::Ratio));
    }
    report.raw.insert("ingest".to_owned(), serde_json::to_value(turns)?);
    Ok(())
}

/// Events a second from the first publish to the last answer.
pub(super) fn accepted_per_s(pass: &Pass) -> f64 {
    let load = &pass.load;
    load.accepted as f64 * 1e9 / load.last_ns.saturating_sub(load.first_ns).max(1) as f64
}

fn turn(lab: &Lab) -> anyhow::Result<Turn> {
    let publish = closed_loop(lab, 1);
    let ingest = LoadPlan { path: INGEST_PATH, ..publish };
    let mut stage = Stage::start(lab, Kind::Gateway, 1)?;
    stage.warm_up(lab, publish)?;
    let published = stage.pass(lab, publish)?;
    let mut credentials = create(lab, &mut stage, 0, 1)?;
    stage.tokens = lab.authorizations(&credentials)?;
    stage.warm_up(lab, ingest)?;
    let one = stage.pass(lab, ingest)?;
    let sources = lab.options.credentials.div_ceil(CREDENTIALS_OF_SOURCE);
    credentials.extend(create(lab, &mut stage, sources, lab.options.credentials - 1)?);
    stage.tokens = lab.authorizations(&credentials)?;
    stage.warm_up(lab, ingest)?;
    let many = stage.pass(lab, ingest)?;
    stage.finish(lab)?;
    Ok(Turn { publish: published, one, many })
}

/// Creates credentials, spread evenly over new sources (at least one); returns their `Authorization` values.
fn create(lab: &Lab, stage: &mut Stage, sources: u64, count: u64) -> anyhow::Result<Vec<String>> {
    let address = stage.address();
    let token = stage.token()?.to_owned();
    let mut api = Api::connect(address)?;
    let sources = (0..sources.max(1))
        .map(|_| api.create_source(&token, &lab.name("source")))
        .collect::<anyhow::Result<Vec<_>>>()?;
    setup::each(address, count, |api, number| {
        let source = &sources[usize::try_from(number)? % sources.len()];
        api.create_credential(&token, source, &lab.name("credential"))
    })
}
