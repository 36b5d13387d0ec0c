//! What is measured: one file a scenario. Each adds its figures and its raw numbers to the report.

mod backlog;
mod hanging;
mod ingest;
mod latency;
mod many;
mod rss;
mod setup;
mod start;
mod tenants;
mod throughput;

use std::io::Write;
use std::process::ExitCode;

use crate::cli::{RunOptions, ScenarioName};
use crate::gateway;
use crate::lab::Lab;
use crate::report::Report;

const QUICK_EVENTS: u64 = 5_000;

/// Runs the chosen scenarios, prints the table, saves the JSON.
pub(crate) fn run(options: &RunOptions) -> anyhow::Result<ExitCode> {
    let mut lab = Lab::new(options)?;
    if options.quick {
        lab.options.events = lab.options.events.min(QUICK_EVENTS);
        lab.options.repetitions = 1;
    }
    if !options.baseline_only {
        gateway::require_binary(&mut lab)?;
    }
    let chosen = chosen(options);
    let mut report = Report::default();
    let mut failed = false;
    for scenario in &chosen {
        writeln!(std::io::stderr(), "measuring {scenario:?} …")?;
        if let Err(error) = measure(&lab, *scenario, &mut report) {
            // One scenario's failure must not cost the figures of the others.
            failed = true;
            writeln!(std::io::stderr(), "{scenario:?} failed: {error:#}")?;
            report.raw.insert(format!("{scenario:?} failed").to_lowercase(), format!("{error:#}").into());
        }
    }
    let path = report.save(&options.out, &report_name(options, &chosen))?;
    write!(std::io::stdout(), "{}", report.table())?;
    writeln!(std::io::stdout(), "raw numbers: {}", path.display())?;
    Ok(if failed || (options.strict && report.is_short()) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn measure(lab: &Lab, scenario: ScenarioName, report: &mut Report) -> anyhow::Result<()> {
    match scenario {
        ScenarioName::One => throughput::one(lab, report),
        ScenarioName::Fanout => throughput::fanout(lab, report),
        ScenarioName::Latency => latency::latency(lab, report),
        ScenarioName::Hanging => hanging::hanging(lab, report),
        ScenarioName::Rss => rss::rss(lab, report),
        ScenarioName::Start => start::start(lab, report),
        ScenarioName::Tenants => tenants::tenants(lab, report),
        ScenarioName::Ingest => ingest::ingest(lab, report),
        ScenarioName::Many => many::many(lab, report),
        ScenarioName::Backlog => backlog::backlog(lab, report),
    }
}

fn chosen(options: &RunOptions) -> Vec<ScenarioName> {
    use ScenarioName::{Backlog, Fanout, Hanging, Latency, One, Rss, Start};
    let mut chosen = match (options.scenario.as_slice(), options.quick) {
        ([], true) => vec![One, Fanout],
        ([], false) => vec![One, Fanout, Latency, Hanging, Rss, Start, Backlog],
        (named, _) => named.to_vec(),
    };
    if options.baseline_only {
        chosen.retain(|scenario| matches!(scenario, One | Fanout | Latency));
    }
    chosen
}

fn report_name(options: &RunOptions, chosen: &[ScenarioName]) -> String {
    match (&options.name, chosen) {
        (Some(name), _) => name.clone(),
        (None, _) if options.quick => "quick".to_owned(),
        (None, [scenario]) => format!("{scenario:?}").to_lowercase(),
        (None, _) => "bench".to_owned(),
    }
}
