//! `start`: spawn of the gateway to its first answer on `/healthz`, with the schema present.

use anyhow::Context;

use crate::gateway::Gateway;
use crate::lab::Lab;
use crate::percentiles::median;
use crate::report::{Figure, Hold, Report, Unit};

/// Starts a repetition: a start is short and its time scatters.
const STARTS: u32 = 5;

pub(super) fn start(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let database = lab.database()?;
    let ready_ms =
        || -> anyhow::Result<f64> { Ok(Gateway::start(lab, &database.url)?.ready_after.as_secs_f64() * 1e3) };
    let first_ms = ready_ms()?;
    let times_ms =
        (0..STARTS * lab.options.repetitions).map(|_| ready_ms()).collect::<anyhow::Result<Vec<f64>>>()?;
    let median_ms = median(times_ms.iter().copied()).context("no starts")?;
    report.figures.push(Figure::new(
        "start to first answer",
        Hold::AtMost(40.0),
        median_ms,
        Unit::Milliseconds,
    ));
    report.raw.insert(
        "start".to_owned(),
        serde_json::json!({ "empty_database_ms": first_ms, "schema_present_ms": times_ms }),
    );
    Ok(())
}
