//! `many`: publishing to a tenant with many webhooks of which one matches, against a tenant with that one alone. The others want
//! another event type, or have a filter that the event does not meet.

use anyhow::Context;
use serde::Serialize;
use serde_json::{Value, json};

use super::ingest::accepted_per_s;
use super::setup;
use super::throughput::closed_loop;
use crate::lab::Lab;
use crate::percentiles::median;
use crate::report::{Figure, Hold, Report, Unit};
use crate::stage::{EVENT_TYPE, Kind, Pass, Stage};

#[derive(Serialize)]
struct Turn {
    one: Pass,
    many: Pass,
}

/// What keeps the other webhooks from matching.
#[derive(Clone, Copy)]
enum By {
    Type,
    Filter,
}

pub(super) fn many(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    for (by, name) in [(By::Type, "type"), (By::Filter, "filter")] {
        let turns =
            (0..lab.options.repetitions).map(|_| turn(lab, by)).collect::<anyhow::Result<Vec<_>>>()?;
        let ratio = median(turns.iter().map(|turn| accepted_per_s(&turn.one) / accepted_per_s(&turn.many)));
        let title = format!("publish time, one of {} webhooks matches by {name} / one", lab.options.webhooks);
        report.figures.push(Figure::new(title, Hold::AtMost(2.0), ratio.context("no turns")?, Unit::Ratio));
        report.raw.insert(format!("many by {name}"), serde_json::to_value(turns)?);
    }
    Ok(())
}

fn turn(lab: &Lab, by: By) -> anyhow::Result<Turn> {
    let plan = closed_loop(lab, 1);
    let mut stage = Stage::start(lab, Kind::Gateway, 1)?;
    stage.warm_up(lab, plan)?;
    let one = stage.pass(lab, plan)?;
    let (token, url) = (stage.token()?.to_owned(), stage.receiver.url(0));
    setup::each(stage.address(), lab.options.webhooks - 1, |api, number| {
        api.create_webhook(&token, &other(by, &url, number))
    })?;
    stage.warm_up(lab, plan)?;
    let many = stage.pass(lab, plan)?;
    stage.finish(lab)?;
    Ok(Turn { one, many })
}

/// A webhook that matches no measured event. Each asks for something else, so that none is found with another.
fn other(by: By, url: &str, number: u64) -> Value {
    match by {
        By::Type => json!({ "url": url, "events": [format!("bench.other{number}")] }),
        // Sequence numbers on the wire are larger.
        By::Filter => json!({ "url": url, "events": [EVENT_TYPE], "filters": { "seq": number } }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::{Payload, Stamp, now_ns};

    #[test]
    fn no_event_meets_the_filter_of_another_webhook() {
        let mut payload = Payload::new(EVENT_TYPE);
        payload.stamp(Stamp { sequence: 0, published_ns: now_ns() });
        let body: Value = serde_json::from_slice(payload.bytes()).unwrap();
        let largest = other(By::Filter, "http://127.0.0.1", 999_999_998)["filters"]["seq"].as_u64();
        assert!(body["data"]["seq"].as_u64() > largest);
        assert_ne!(other(By::Type, "http://127.0.0.1", 0)["events"][0], EVENT_TYPE);
    }
}
