//! `stentor inspect`: what a source receives, as it comes.

use clap::Args;
use serde_json::{Value, json};
use stentor_engine::clock::{Clock as _, SystemClock};

use super::client::{Connection, Sent};
use super::{CliError, input, output, tail};

mod profile;
mod show;

use profile::Profile;

/// How long a throwaway source lives when nobody removes it, in seconds.
const THROWAWAY_SECONDS: u64 = 24 * 3_600;

/// Show the requests to a source as they come: headers, body, and what became of them
///
/// With --new it makes a source for the occasion that takes anything, prints its URL, and removes it at the end.
#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// The source
    #[arg(value_parser = input::id, value_name = "src_…", required_unless_present = "new", conflicts_with = "new")]
    source: Option<String>,
    /// Make a source that takes anything; it is removed at the end, or by itself after 24 hours
    #[arg(long)]
    new: bool,
    /// Report what a request of this profile lacks
    #[arg(long, value_enum)]
    profile: Option<Profile>,
    /// End after so many seconds
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<u64>,
    #[command(flatten)]
    connection: Connection,
}

/// Shows until interrupted.
pub(super) async fn run(args: InspectArgs) -> Result<(), CliError> {
    let InspectArgs { source, new: _, profile, seconds, connection } = args;
    let (source, is_throwaway) = match source {
        Some(source) => (source, false),
        None => (throwaway(&connection).await?, true),
    };
    let path = format!("/v1/sources/{source}/requests/stream");
    let json = connection.json();
    let show = |sent: &Sent| match (json, sent.kind.as_str()) {
        (true, _) => output::line(&sent.data),
        (false, "gap") => output::line(&tail::gap(&sent.value())),
        (false, _) => output::line(&show::text(&sent.value(), profile)),
    };
    let following = connection.follow(&path, show, output::link);
    let ended = tokio::select! {
        ended = following => ended,
        () = output::ending(seconds) => Ok(()),
    };
    if is_throwaway {
        connection.delete(&format!("/v1/sources/{source}")).await?;
    }
    ended
}

/// Makes a source that takes anything, and tells how to reach it; its id.
async fn throwaway(connection: &Connection) -> Result<String, CliError> {
    let expires_at = SystemClock.now().plus(std::time::Duration::from_secs(THROWAWAY_SECONDS));
    let new = json!({
        "name": "inspect",
        "description": "Made by stentor inspect --new",
        "verification": {"preset": "none"},
        "content": "any",
        "keep_headers": ["*"],
        "expires_at": expires_at,
    });
    let answer = connection.post("/v1/sources", &new).await?.value()?;
    let id = answer["id"].as_str().ok_or_else(|| anyhow::anyhow!("the gateway answered without an id"))?;
    let text = |name: &str| answer[name].as_str().unwrap_or_default();
    let (url, curl) = (text("url"), text("curl"));
    if connection.json() {
        let told: Value = json!({"source_id": id, "url": url, "expires_at": expires_at});
        output::line(&told.to_string())?;
    } else {
        output::line(&format!("Send requests to {}", output::escaped(url)))?;
        output::line(&format!("  {}", output::escaped(curl)))?;
        output::line("Waiting; Ctrl-C ends this and removes the source.")?;
    }
    Ok(id.to_owned())
}
