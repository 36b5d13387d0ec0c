//! `backlog`: events pile up for a receiver that refuses connections; the gateway is killed and restarted
//! with the receiver up. Measures restart to first delivery, and memory before and after.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use tokio::net::TcpSocket;

use super::throughput::closed_loop;
use crate::gateway::{Gateway, OPERATOR_TOKEN};
use crate::lab::{self, Lab, LoadPlan, Receiver, finish_load};
use crate::payload;
use crate::report::{Figure, Hold, Report, Unit};
use crate::stage::EVENT_TYPE;

const FIRST_DELIVERY_TIMEOUT: Duration = Duration::from_secs(120);

pub(super) fn backlog(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let database = lab.database()?;
    let (refusing, receiver_address) = refusing_socket()?;

    let mut gateway = Gateway::start(lab, &database.url)?;
    let tenant = gateway.api.create_tenant(OPERATOR_TOKEN, &lab.name("backlog"), None)?;
    gateway.api.create_webhook(
        &tenant.token,
        &json!({ "url": lab::url(receiver_address, 0), "events": [EVENT_TYPE] }),
    )?;
    let tokens = lab.tokens([tenant.token.as_str()])?;
    let plan = LoadPlan { events: lab.options.backlog, ..closed_loop(lab, 1) };
    let load = finish_load(&lab.start_load(gateway.address, &tokens, plan)?)?;
    let filled = gateway.process.usage()?;
    gateway.process.kill()?;

    drop(refusing);
    let mut receiver = Receiver::start(lab, &[&format!("--listen={receiver_address}")])?;
    let spawned_ns = payload::now_ns();
    let mut restarted = Gateway::start(lab, &database.url)?;
    let receipts = receiver.control.wait(1, FIRST_DELIVERY_TIMEOUT)?;
    let first_ns = receipts.first_ns.context("no delivery after the restart")?;
    let first_s = first_ns.saturating_sub(spawned_ns) as f64 / 1e9;
    let after = restarted.process.usage()?;
    if lab.options.database.is_some() {
        restarted.api.delete_tenant(OPERATOR_TOKEN, &tenant.id)?;
    }

    let events = lab.options.backlog;
    let peak_mb = filled.rss_peak_mb.max(after.rss_peak_mb);
    report.figures.extend([
        Figure::new(
            format!("restart with {events} pending → delivery"),
            Hold::AtMost(5.0),
            first_s,
            Unit::Seconds,
        ),
        Figure::new(
            format!("RSS with {events} pending (peak)"),
            Hold::AtMost(300.0),
            peak_mb,
            Unit::Megabytes,
        ),
    ]);
    report.raw.insert(
        "backlog".to_owned(),
        json!({ "load": load, "before_kill": filled, "after_restart": after, "first_delivery_s": first_s,
                "ready_ms": restarted.ready_after.as_secs_f64() * 1e3 }),
    );
    Ok(())
}

/// A port that is taken but not listened on, so that connecting to it is refused until it is dropped.
fn refusing_socket() -> anyhow::Result<(TcpSocket, SocketAddr)> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let address = socket.local_addr()?;
    Ok((socket, address))
}
