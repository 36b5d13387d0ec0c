//! The filter printed in the third seed, with its payload.

use super::*;

const FILTERS: &str = r#"{
    "workflow_id": ["customer_support_bot", "sales_assistant"],
    "user_id": {"starts_with": "premium_"},
    "output_contains": ["error", "failed", "unable"]
}"#;
const CONDITIONS: &str = r#"{
    "execution_time": {"greater_than": 5.0},
    "token_usage": {"greater_than": 1000},
    "cost": {"greater_than": 0.10}
}"#;

fn data(user: &str, output: &str, tokens: u32) -> String {
    format!(
        r#"{{"workflow_id":"customer_support_bot","user_id":"{user}","output":"{output}","execution_time":12.3,
            "token_usage":{{"prompt_tokens":150,"completion_tokens":75,"total_tokens":{tokens}}},"cost":0.1001}}"#
    )
}

#[test]
fn the_seeds_filter_does_what_it_says() {
    let filter = Filter::parse(Some(FILTERS), Some(CONDITIONS)).expect("valid").expect("clauses");
    for (user, output, tokens, passes) in [
        ("premium_1", "I was unable to find it", 1_001, true),
        ("premium_1", "I was unable to find it", 1_000, false),
        ("premium_1", "Here you are", 1_001, false),
        ("basic_1", "it failed", 1_001, false),
    ] {
        let data = data(user, output, tokens);
        assert_eq!(filter.passes(&facts(&data), Profile::Broxi), passes, "{data}");
        assert!(!filter.passes(&facts(&data), Profile::Standard), "an object is no number elsewhere");
    }
}
