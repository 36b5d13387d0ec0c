use proptest::prelude::*;

use super::*;
use crate::address::AddressPolicy;
use crate::destination_url::DestinationUrl;
use crate::filter::Filter;
use crate::id::{EventId, RouteId, TenantId};
use crate::route::RouteConfig;
use crate::shard::Shard;
use crate::time::Time;
use crate::webhook::{WebhookConfig, WebhookSecrets};

mod seed;

fn patterns(texts: &[&str]) -> Vec<EventPattern> {
    texts.iter().map(|text| EventPattern::parse(text).expect("valid")).collect()
}

fn filter(text: &str) -> Option<Filter> {
    Filter::parse(Some(text), None).expect("valid")
}

fn webhook_id(n: u64) -> WebhookId {
    WebhookId::new(Time::from_seconds(1), n << 2)
}

fn webhook(n: u64, events: &[&str], asked: Option<Filter>) -> Arc<Webhook> {
    let id = webhook_id(n);
    let url = DestinationUrl::parse("https://example.com/", &AddressPolicy::closed()).expect("valid");
    let mut config = WebhookConfig::new(url, patterns(events));
    config.filter = asked;
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

/// A route for every type to these webhooks.
fn route(position: u32, webhooks: &[u64], change: impl FnOnce(&mut RouteConfig)) -> Arc<Route> {
    let mut config = RouteConfig::new(webhooks.iter().map(|n| webhook_id(*n)).collect());
    change(&mut config);
    Arc::new(Route {
        id: RouteId::new(Time::from_seconds(1), u64::from(position) << 2),
        tenant: TenantId::from_bytes([0; 16]),
        position,
        config,
        version: 1,
        created_at: Time::ZERO,
        updated_at: Time::ZERO,
    })
}

fn facts<'a>(event_type: &'a str, data: &'a str) -> Facts<'a> {
    Facts {
        id: EventId::from_bytes([0; 16]),
        event_type,
        time: Time::ZERO,
        subject: None,
        data: Some(data),
        previous_data: None,
        metadata: None,
    }
}

/// The numbers of the webhooks that match.
fn found(table: &RoutingTable, event: &Facts<'_>) -> Vec<u64> {
    let ids: Vec<WebhookId> = table.matching(event).iter().map(|webhook| webhook.id).collect();
    for webhook in table.webhooks() {
        assert_eq!(table.sends_to(event, webhook.id), ids.contains(&webhook.id));
    }
    ids.iter().map(|id| (0..100).find(|n| webhook_id(*n) == *id).expect("known")).collect()
}

#[test]
fn a_webhook_is_found_by_the_value_that_it_asks_for() {
    let asked =
        [r#"{"customer":"a"}"#, r#"{"customer":["b",1]}"#, r#"{"env":"x","customer":"a"}"#, r#"{"env":"x"}"#];
    let webhooks = (0..).zip(asked).map(|(n, text)| webhook(n, &["*"], filter(text)));
    let table = RoutingTable::new(1, webhooks, []);
    for (data, expected) in [
        (r#"{"customer":"a","env":"x"}"#, &[0, 2, 3][..]),
        (r#"{"customer":"a"}"#, &[0]),
        (r#"{"customer":["b","a",1]}"#, &[0, 1]),
        (r#"{"customer":1.0}"#, &[1]),
        (r#"{"customer":"c"}"#, &[]),
        ("null", &[]),
    ] {
        assert_eq!(found(&table, &facts("t", data)), expected, "{data}");
    }
}

#[test]
fn the_first_route_that_matches_takes_the_event_unless_it_goes_on() {
    let webhooks: Vec<_> = (0..4).map(|n| webhook(n, &[], None)).collect();
    let routes = |first_goes_on: bool| {
        [
            route(0, &[0], |route| (route.events, route.goes_on) = (patterns(&["a.*"]), first_goes_on)),
            route(1, &[1, 0], |route| route.filter = filter(r#"{"n":1}"#)),
            route(2, &[2], |_| ()),
            route(3, &[3], |route| route.is_default = true),
        ]
    };
    for (goes_on, event_type, data, expected) in [
        (false, "a.b", r#"{"n":1}"#, &[0][..]),
        (true, "a.b", r#"{"n":1}"#, &[0, 1]),
        (true, "a.b", "{}", &[0, 2]),
        (false, "b", r#"{"n":1}"#, &[0, 1]),
        (false, "b", "{}", &[2]),
    ] {
        let table = RoutingTable::new(1, webhooks.clone(), routes(goes_on));
        assert_eq!(found(&table, &facts(event_type, data)), expected, "{goes_on} {event_type} {data}");
    }
}

#[test]
fn a_default_route_takes_what_no_other_took() {
    let webhooks: Vec<_> = (0..4).map(|n| webhook(n, &[], None)).collect();
    let default = |position, n, goes_on| {
        route(position, &[n], |route| (route.is_default, route.goes_on) = (true, goes_on))
    };
    // It is tried last wherever it stands, and a route that goes on has taken the event all the same.
    let taking = route(1, &[1], |route| (route.events, route.goes_on) = (patterns(&["a"]), true));
    let table =
        RoutingTable::new(1, webhooks.clone(), [default(0, 0, false), taking.clone(), default(2, 2, false)]);
    assert_eq!(found(&table, &facts("a", "{}")), [1]);
    assert_eq!(found(&table, &facts("b", "{}")), [0]);
    let table = RoutingTable::new(1, webhooks, [default(0, 0, true), taking, default(2, 2, false)]);
    assert_eq!(found(&table, &facts("b", "{}")), [0, 2]);
}

#[test]
fn one_delivery_however_often_it_is_hit_and_its_own_filter_stands() {
    let webhooks = [webhook(0, &["*"], None), webhook(1, &[], filter(r#"{"n":1}"#))];
    let both = |position| route(position, &[0, 1], |route| route.goes_on = true);
    let table = RoutingTable::new(1, webhooks, [both(0), both(1)]);
    assert_eq!(found(&table, &facts("a", r#"{"n":1}"#)), [0, 1]);
    assert_eq!(found(&table, &facts("a", "{}")), [0]);
}

#[test]
fn a_route_whose_webhooks_are_gone_lets_others_take_the_event() {
    let routes = [
        route(0, &[8, 9], |_| ()),
        route(1, &[0], |route| route.active = false),
        route(2, &[1, 9], |route| route.events = patterns(&["a"])),
        route(3, &[], |_| ()),
        route(4, &[0], |_| ()),
        route(5, &[0], |route| route.is_default = true),
    ];
    let live = [0, 1].map(webhook_id);
    let steps = |event_type| -> Vec<_> {
        let traced = trace(routes.clone(), |id| live.contains(id), &facts(event_type, "{}"));
        traced.into_iter().map(|(_, step)| step).collect()
    };
    let table = RoutingTable::new(1, (0..2).map(|n| webhook(n, &[], None)), routes.clone());
    use RouteStep::{Inactive, NoWebhookLeft, NotNeeded, NotReached, Taken, Type};
    assert_eq!(steps("a"), [NoWebhookLeft, Inactive, Taken, NotReached, NotReached, NotNeeded]);
    assert_eq!(steps("b"), [NoWebhookLeft, Inactive, Type, Taken, NotReached, NotNeeded]);
    assert_eq!((found(&table, &facts("a", "{}")), found(&table, &facts("b", "{}"))), (vec![1], vec![]));
}

#[test]
fn only_those_that_look_at_data_need_it() {
    let webhooks =
        [webhook(0, &["*"], None), webhook(1, &["*"], filter(r#"{"n":1}"#)), webhook(2, &[], None)];
    let table = RoutingTable::new(1, webhooks, [route(0, &[2], |_| ())]);
    assert_eq!([0, 1, 2].map(|n| table.is_chosen_by_type(webhook_id(n))), [true, false, false]);
    assert!(
        table.work("a", 10) == 10 && RoutingTable::new(1, [webhook(0, &["*"], None)], []).work("a", 10) == 0
    );
}

proptest! {
    #[test]
    fn the_table_agrees_with_trying_every_webhook(
        rows in proptest::collection::vec((proptest::collection::vec(prop_oneof![
            Just("*"), Just("a"), Just("a.b"), Just("a.*"), Just("a.b.*"), Just("a.b.c"), Just("b.*"), Just("ab.*")
        ], 0..4), prop_oneof![
            Just(None), Just(Some(r#"{"x":1}"#)), Just(Some(r#"{"x":[1,"1",null]}"#)), Just(Some(r#"{"y":true,"x":2}"#)),
            Just(Some(r#"{"x":{"greater_than":1}}"#)), Just(Some(r#"{"not":{"x":1}}"#)), Just(Some(r#"{"y":{"equals":[1]}}"#))
        ]), 0..12),
        event in prop_oneof![Just("a"), Just("a.b"), Just("a.b.c"), Just("a.b.c.d"), Just("ab.c"), Just("b.x"), Just("a..b")],
        data in prop_oneof![
            Just("{}"), Just(r#"{"x":1}"#), Just(r#"{"x":1.0,"y":true}"#), Just(r#"{"x":"1"}"#), Just(r#"{"x":null,"y":[1]}"#),
            Just(r#"{"x":[1,2],"y":[true]}"#), Just(r#"[{"x":2,"y":true}]"#)
        ],
    ) {
        let webhooks: Vec<_> = rows.iter().enumerate()
            .map(|(n, (events, asked))| webhook(n as u64, events, asked.and_then(filter))).collect();
        let facts = facts(event, data);
        let expected: Vec<_> = webhooks.iter()
            .filter(|w| w.config.events.iter().any(|pattern| pattern.matches(event)))
            .filter(|w| w.config.filter.as_ref().is_none_or(|filter| filter.passes(&facts, Profile::Standard)))
            .map(|w| w.id).collect();
        let table = RoutingTable::new(3, webhooks, []);
        let found: Vec<_> = table.matching(&facts).iter().map(|w| w.id).collect();
        prop_assert_eq!(found, expected);
    }
}
