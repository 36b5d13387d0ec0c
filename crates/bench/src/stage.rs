//! One measurement's cast: a subject (forwarder or gateway) set up to deliver to a receiver.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use crate::gateway::{BENCH_PLAN, Gateway, OPERATOR_TOKEN, announced_address};
use crate::lab::{Database, Lab, LoadPlan, Receiver, finish_load};
use crate::ledger::Receipts;
use crate::load::LoadReport;
use crate::processes::{Process, Usage};

const READY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the last deliveries may take after the last publish was answered.
const DELIVERIES_TIMEOUT: Duration = Duration::from_secs(180);

/// The event type of measured events.
pub(crate) const EVENT_TYPE: &str = "bench.event";
/// Where events are published.
pub(crate) const PUBLISH_PATH: &str = "/v1/events";

#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Forwarder,
    Gateway,
}

/// What a gateway has to do for each event besides delivering it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Extras {
    None,
    /// A filter that matches at each webhook; a plan with limits that do not bind.
    Everything,
}

pub(crate) struct Stage {
    subject: Subject,
    pub(crate) receiver: Receiver,
    pub(crate) tokens: PathBuf,
    webhooks: u64,
}

enum Subject {
    Forwarder { process: Process, address: SocketAddr },
    Gateway { gateway: Box<Gateway>, tenant_id: String, token: String, _database: Database },
}

/// What one load and its deliveries amounted to.
#[derive(Serialize, Debug, Clone)]
pub(crate) struct Pass {
    pub(crate) deliveries_per_s: f64,
    /// CPU time by role: what the figure costs, and how much of the machine the bench itself takes.
    pub(crate) subject_cpu_us_per_delivery: f64,
    pub(crate) receiver_cpu_us_per_delivery: f64,
    pub(crate) load_cpu_us_per_event: f64,
    pub(crate) load: LoadReport,
    pub(crate) receipts: Receipts,
    pub(crate) subject: Usage,
}

impl Stage {
    /// Starts a receiver and a subject that delivers every event to `webhooks` webhooks.
    pub(crate) fn start(lab: &Lab, kind: Kind, webhooks: u64) -> anyhow::Result<Self> {
        Self::start_with(lab, kind, webhooks, Extras::None)
    }

    /// As [`Self::start`], with what `extras` says.
    pub(crate) fn start_with(lab: &Lab, kind: Kind, webhooks: u64, extras: Extras) -> anyhow::Result<Self> {
        let receiver = Receiver::start(lab, &[])?;
        let urls: Vec<String> = (0..webhooks).map(|webhook| receiver.url(webhook)).collect();
        let subject = match kind {
            Kind::Forwarder => start_forwarder(lab, &urls)?,
            Kind::Gateway => start_gateway(lab, &urls, extras)?,
        };
        let tokens = lab.tokens([match &subject {
            // It reads no token; this one keeps the requests equally long.
            Subject::Forwarder { .. } => OPERATOR_TOKEN,
            Subject::Gateway { token, .. } => token,
        }])?;
        Ok(Self { subject, receiver, tokens, webhooks })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        match &self.subject {
            Subject::Forwarder { address, .. } => *address,
            Subject::Gateway { gateway, .. } => gateway.address,
        }
    }

    /// The tenant's token; only a gateway has tenants.
    pub(crate) fn token(&self) -> anyhow::Result<&str> {
        match &self.subject {
            Subject::Forwarder { .. } => anyhow::bail!("the forwarder has no tenants"),
            Subject::Gateway { token, .. } => Ok(token),
        }
    }

    /// The subject's memory and CPU time.
    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        match &self.subject {
            Subject::Forwarder { process, .. } => process.usage(),
            Subject::Gateway { gateway, .. } => gateway.process.usage(),
        }
    }

    /// Publishes without measuring, so that connections and lanes are open.
    pub(crate) fn warm_up(&mut self, lab: &Lab, measured: LoadPlan) -> anyhow::Result<()> {
        let events = (measured.events / 10).clamp(1, 5_000);
        self.pass(lab, LoadPlan { events, ..measured }).map(|_| ())
    }

    /// Publishes as planned and waits for every delivery.
    pub(crate) fn pass(&mut self, lab: &Lab, plan: LoadPlan) -> anyhow::Result<Pass> {
        self.receiver.control.reset()?;
        let before = (self.usage()?, self.receiver.usage()?);
        let load = finish_load(&lab.start_load(self.address(), &self.tokens, plan)?)?;
        let deliveries = plan.events * self.webhooks;
        let receipts = self.receiver.control.wait(deliveries, DELIVERIES_TIMEOUT)?;
        let (subject, receiver) = (self.usage()?, self.receiver.usage()?);
        let arrived = receipts.distinct;
        anyhow::ensure!(arrived == deliveries, "{arrived} of {deliveries} deliveries arrived");
        let last_ns = receipts.last_ns.unwrap_or(load.first_ns);
        Ok(Pass {
            deliveries_per_s: deliveries as f64 * 1e9 / last_ns.saturating_sub(load.first_ns).max(1) as f64,
            subject_cpu_us_per_delivery: micros_each(subject.cpu_seconds - before.0.cpu_seconds, deliveries),
            receiver_cpu_us_per_delivery: micros_each(
                receiver.cpu_seconds - before.1.cpu_seconds,
                deliveries,
            ),
            load_cpu_us_per_event: micros_each(load.cpu_seconds, plan.events),
            load,
            receipts,
            subject,
        })
    }

    /// Registers a further webhook for an event type of its own; only a gateway has webhooks.
    pub(crate) fn add_webhook(&mut self, url: &str, event_type: &str) -> anyhow::Result<()> {
        match &mut self.subject {
            Subject::Forwarder { .. } => anyhow::bail!("the forwarder has no webhooks"),
            Subject::Gateway { gateway, token, .. } => {
                gateway.api.create_webhook(token, &json!({ "url": url, "events": [event_type] }))
            }
        }
    }

    /// Ends the cast. In a database that outlives the run, the tenant is deleted, so that what it left
    /// pending does not disturb the next measurement.
    pub(crate) fn finish(self, lab: &Lab) -> anyhow::Result<()> {
        match self.subject {
            Subject::Gateway { mut gateway, tenant_id, .. } if lab.options.database.is_some() => {
                gateway.api.delete_tenant(OPERATOR_TOKEN, &tenant_id)
            }
            Subject::Gateway { .. } | Subject::Forwarder { .. } => Ok(()),
        }
    }
}

fn micros_each(seconds: f64, count: u64) -> f64 {
    seconds * 1e6 / count as f64
}

fn start_forwarder(lab: &Lab, urls: &[String]) -> anyhow::Result<Subject> {
    let process = lab.spawn_role("forwarder", &[format!("--targets={}", urls.join(","))])?;
    let address = process.line(READY_TIMEOUT, announced_address)?;
    Ok(Subject::Forwarder { process, address })
}

fn start_gateway(lab: &Lab, urls: &[String], extras: Extras) -> anyhow::Result<Subject> {
    let database = lab.database()?;
    let mut gateway = Box::new(Gateway::start(lab, &database.url)?);
    let plan = (extras == Extras::Everything).then_some(BENCH_PLAN);
    let tenant = gateway.api.create_tenant(OPERATOR_TOKEN, &lab.name("bench"), plan)?;
    for url in urls {
        let mut webhook = json!({ "url": url, "events": [EVENT_TYPE] });
        if extras == Extras::Everything {
            webhook["filters"] = json!({ "seq": { "greater_than": 0 } });
        }
        gateway.api.create_webhook(&tenant.token, &webhook)?;
    }
    Ok(Subject::Gateway { gateway, tenant_id: tenant.id, token: tenant.token, _database: database })
}
