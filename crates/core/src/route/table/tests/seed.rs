//! The content routing of the third seed, as routes: by workflow, then by the severity of an error, then the rest.

use super::*;

const SUPPORT: u64 = 0;
const CRM: u64 = 1;
const ANALYTICS: u64 = 2;
const URGENT: u64 = 3;
const LOG: u64 = 4;
const STANDARD: u64 = 5;

fn table() -> RoutingTable {
    let workflow = |position, prefix: &str, to| {
        let asked = filter(&format!(r#"{{"workflow_id":{{"starts_with":"{prefix}"}}}}"#));
        route(position, &[to], |route| route.filter = asked)
    };
    let failed = patterns(&["workflow.failed"]);
    let severe = filter(r#"{"error.code":["CRITICAL_ERROR","SECURITY_BREACH"]}"#);
    RoutingTable::new(
        1,
        (SUPPORT..=STANDARD).map(|n| webhook(n, &[], None)),
        [
            workflow(0, "support_", SUPPORT),
            workflow(1, "sales_", CRM),
            workflow(2, "analytics_", ANALYTICS),
            route(3, &[URGENT], |route| (route.events, route.filter) = (failed.clone(), severe)),
            route(4, &[LOG], |route| route.events = failed),
            route(5, &[STANDARD], |route| route.is_default = true),
        ],
    )
}

#[test]
fn events_go_where_the_seeds_function_sends_them() {
    for (event_type, data, expected) in [
        ("workflow.completed", r#"{"workflow_id":"support_bot"}"#, SUPPORT),
        ("workflow.failed", r#"{"workflow_id":"sales_7","error":{"code":"CRITICAL_ERROR"}}"#, CRM),
        ("workflow.started", r#"{"workflow_id":"analytics_daily"}"#, ANALYTICS),
        ("workflow.failed", r#"{"workflow_id":"other","error":{"code":"CRITICAL_ERROR"}}"#, URGENT),
        ("workflow.failed", r#"{"workflow_id":"other","error":{"code":"SECURITY_BREACH"}}"#, URGENT),
        ("workflow.failed", r#"{"workflow_id":"other","error":{"code":"COMPONENT_ERROR"}}"#, LOG),
        ("workflow.failed", r#"{"workflow_id":"other"}"#, LOG),
        ("workflow.completed", r#"{"workflow_id":"other","error":{"code":"CRITICAL_ERROR"}}"#, STANDARD),
        ("user.session.ended", "{}", STANDARD),
    ] {
        assert_eq!(found(&table(), &facts(event_type, data)), [expected], "{event_type} {data}");
    }
}
