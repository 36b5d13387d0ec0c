//! What filters cost: one filter asked of one event, and finding the webhooks of an event among ten thousand.
//!
//! To hold (design section 8): a simple filter in at most 1 µs; the one webhook among ten thousand in far less than a publish
//! takes, so that publishing costs at most twice what it does with one webhook.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use stentor_core::address::AddressPolicy;
use stentor_core::destination_url::DestinationUrl;
use stentor_core::event::EventPattern;
use stentor_core::filter::{Facts, Filter, PathSet};
use stentor_core::id::{EventId, TenantId, WebhookId};
use stentor_core::profile::Profile;
use stentor_core::route::RoutingTable;
use stentor_core::shard::Shard;
use stentor_core::time::Time;
use stentor_core::webhook::{Webhook, WebhookConfig, WebhookSecrets, WebhookStatus};

/// The payload of the third seed's `workflow.completed`, in short.
const DATA: &str = r#"{"workflow_id":"customer_support_bot","run_id":"run_12345","user_id":"premium_67890","session_id":"session_abc",
    "input":"How do I reset my password?","output":"I was unable to find your account.","execution_time":12.3,
    "token_usage":{"prompt_tokens":150,"completion_tokens":75,"total_tokens":1225},"cost":0.45,
    "metadata":{"model":"gpt-4","temperature":0.7}}"#;
const SIMPLE: &str = r#"{"workflow_id":"customer_support_bot"}"#;
const SEED: (&str, &str) = (
    r#"{"workflow_id":["customer_support_bot","sales_assistant"],"user_id":{"starts_with":"premium_"},
        "output_contains":["error","failed","unable"]}"#,
    r#"{"execution_time":{"greater_than":5.0},"token_usage":{"greater_than":1000},"cost":{"greater_than":0.10}}"#,
);
const WEBHOOKS: u32 = 10_000;

fn facts<'a>(event_type: &'a str, data: &'a str) -> Facts<'a> {
    Facts {
        id: EventId::from_bytes([1; 16]),
        event_type,
        time: Time::from_seconds(1_700_000_000),
        subject: None,
        data: Some(data),
        previous_data: None,
        metadata: None,
    }
}

fn filter(filters: &str, conditions: Option<&str>) -> Filter {
    Filter::parse(Some(filters), conditions).expect("a filter").expect("clauses")
}

fn webhook(n: u32, event_type: &str, asked: &str) -> Arc<Webhook> {
    let id = WebhookId::new(Time::from_seconds(1), u64::from(n) << 2);
    let url = DestinationUrl::parse("https://example.com/", &AddressPolicy::closed()).expect("an address");
    let mut config = WebhookConfig::new(url, vec![EventPattern::parse(event_type).expect("a type")]);
    config.filter = Some(filter(asked, None));
    Arc::new(Webhook {
        id,
        tenant: TenantId::from_bytes([0; 16]),
        shard: Shard::of(id),
        config,
        secrets: WebhookSecrets { signing: vec![], headers: Default::default() },
        status: WebhookStatus::Active,
        version: 1,
        created_at: Time::ZERO,
        updated_at: Time::ZERO,
    })
}

fn one_filter(criterion: &mut Criterion) {
    let event = facts("workflow.completed", DATA);
    for (name, asked, profile) in [
        ("simple", filter(SIMPLE, None), Profile::Standard),
        ("seed", filter(SEED.0, Some(SEED.1)), Profile::Broxi),
    ] {
        let mut paths = PathSet::default();
        let predicate = asked.bind(&mut paths, profile);
        let seen = paths.look(&event);
        assert!(predicate.passes(&seen), "{name}");
        criterion.bench_function(&format!("filter/{name}/asked"), |bencher| {
            bencher.iter(|| black_box(&predicate).passes(black_box(&seen)));
        });
        criterion.bench_function(&format!("filter/{name}/looked at and asked"), |bencher| {
            bencher.iter(|| black_box(&predicate).passes(&black_box(&paths).look(black_box(&event))));
        });
    }
}

fn among_many(criterion: &mut Criterion) {
    let one = |n: u32| format!(r#"{{"workflow_id":"customer_support_bot","n":{n}}}"#);
    let table = |count: u32, event_type: fn(u32) -> String| {
        RoutingTable::new(1, (0..count).map(|n| webhook(n, &event_type(n), &one(n))), [])
    };
    let data = DATA.replacen('{', "{\"n\":7,", 1);
    let (by_type, same_type) =
        ((|n| format!("type.n{n}")) as fn(u32) -> String, (|_| "type.n7".to_owned()) as _);
    let event = facts("type.n7", &data);
    for (name, table) in [
        ("one webhook", table(1, same_type)),
        ("10 000 of as many types", table(WEBHOOKS, by_type)),
        ("10 000 of one type", table(WEBHOOKS, same_type)),
    ] {
        let expected = usize::from(table.webhooks().len() > 1);
        assert_eq!(table.matching(&event).len(), expected, "{name}");
        criterion.bench_function(&format!("routing/{name}"), |bencher| {
            bencher.iter(|| black_box(&table).matching(black_box(&event)));
        });
    }
}

criterion_group!(benches, one_filter, among_many);
criterion_main!(benches);
