use std::collections::BTreeSet;

use super::{preset, presets};
use crate::provider::Scheme;

#[test]
fn every_row_is_a_scheme() {
    let names: BTreeSet<&str> = presets().iter().map(|preset| preset.name).collect();
    assert_eq!(names.len(), presets().len(), "names are unique");
    for preset in presets() {
        let is_own = preset.documentation == "docs/profiles.md";
        assert!(is_own || preset.documentation.starts_with("https://"), "{}", preset.name);
        assert!(
            preset
                .name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        );
        // What is stored is read again as it was.
        let json = serde_json::to_string(&preset.scheme).unwrap();
        assert_eq!(serde_json::from_str::<Scheme>(&json).unwrap(), preset.scheme, "{}", preset.name);
    }
}

#[test]
fn the_promised_ones_are_there() {
    for name in [
        "standard",
        "svix",
        "clerk",
        "resend",
        "openai",
        "broxi",
        "broxi-timestamped",
        "resource",
        "conversation",
        "stripe",
        "github",
        "gitlab",
        "gitlab-signed",
        "bitbucket",
        "jira",
        "gitea",
        "forgejo",
        "shopify",
        "slack",
        "twilio",
        "sendgrid",
        "discord",
        "zoom",
        "paypal",
        "square",
        "adyen",
        "adyen-platform",
        "linear",
        "intercom",
        "hubspot",
        "typeform",
        "calendly",
        "docusign",
        "xero",
        "paddle",
        "meta",
        "zendesk",
        "okta",
        "x",
        "woocommerce",
        "vercel",
        "webflow",
        "aws-sns",
        "basic",
        "token",
    ] {
        assert_eq!(preset(name).expect(name).name, name);
    }
    assert!(preset("").is_none());
}

#[test]
fn what_signs_the_url_says_so() {
    let signing: Vec<&str> =
        presets().iter().filter(|preset| preset.scheme.signs_url()).map(|preset| preset.name).collect();
    assert_eq!(signing, ["hubspot", "hubspot-legacy", "square", "twilio"]);
}

/// `docs/verification.md` has a row for each, and none for others.
#[test]
fn the_page_names_all() {
    let page = include_str!("../../../../../docs/verification.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let rows: Vec<&str> = rows
        .filter(|(_, rest)| rest.split(" | ").nth(1).is_some_and(|cell| ["A", "B", "C"].contains(&cell)))
        .map(|(name, _)| name)
        .collect();
    let names: Vec<&str> = presets().iter().map(|preset| preset.name).collect();
    assert_eq!(rows, names);
    for preset in presets() {
        let start = format!("| `{}` | {} | {:?} |", preset.name, preset.title, preset.evidence);
        assert!(page.contains(&start), "{start}");
    }
}
