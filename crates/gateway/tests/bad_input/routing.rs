//! Methods, paths and queries that do not exist.

use std::collections::BTreeSet;

use http::Method;

use crate::judge::assert_precise;
use crate::surface::{OPERATOR, World};

#[tokio::test]
async fn a_wrong_method_is_answered_with_those_that_work() {
    let world = World::start().await;
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get"];
    for (path, documented) in world.surface.paths() {
        let mut allowed = documented;
        // The front door itself reads GET, and has nothing to say to HEAD.
        let is_front_door = path.starts_with("/in/");
        if allowed.contains("GET") && !is_front_door {
            allowed.insert("HEAD".to_owned());
        }
        // Whoever opens the address of the gateway finds nothing yet.
        if path == "/" {
            allowed.extend(["GET".to_owned(), "HEAD".to_owned()]);
        }
        for api in [world.own.api.clone(), world.own.api.without_token()] {
            for method in methods.iter().filter(|method| !allowed.contains(**method)) {
                let shown = format!("{method} {path}");
                let target = path.replace(['{', '}'], "");
                let answer = api.request(method.parse::<Method>().unwrap(), &target, &[], "{").await.unwrap();
                assert_eq!(answer.status(), 405, "{shown}: {}", answer.text());
                let given: BTreeSet<String> = answer
                    .header("allow")
                    .unwrap_or_default()
                    .split(',')
                    .map(|name| name.trim().to_owned())
                    .collect();
                assert_eq!(given, allowed, "{shown}");
                if *method != "HEAD" {
                    assert_eq!(assert_precise(&answer, &shown)["code"], "method_not_allowed");
                }
            }
        }
    }
}

#[tokio::test]
async fn an_unknown_path_is_not_found_for_every_method() {
    let world = World::start().await;
    let paths = [
        "/v1",
        "/v1/",
        "/v2/events",
        "/v1/nothing",
        "/v1/events/",
        "/v1//events",
        "//v1/events",
        "/V1/events",
        "/v1/Events",
        "/v1/events/x/y",
        "/v1/events/x/deliveries/y",
        "/v1/events%2Fx",
        "/v1/%65vents%00",
        "/v1/../v1/eventz",
        "/.env",
        "/admin",
        "/openapi.yaml",
        "/healthz/",
        "/metrics/x",
        "/%ff%fe",
        "/v1/webhooks/x/rotate-secret/",
    ];
    let long = format!("/{}", "a".repeat(7_000));
    for path in paths.into_iter().chain([long.as_str()]) {
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS]
        {
            for api in [world.own.api.clone(), world.own.api.without_token()] {
                let shown = format!("{method} {path:.60}");
                let answer = api.request(method.clone(), path, &[], "{").await.unwrap();
                assert_eq!((answer.status(), answer.problem_code()), (404, "not_found".into()), "{shown}");
                assert_precise(&answer, &shown);
            }
        }
    }
}

/// Every list, with every parameter that it takes and one that it does not.
#[tokio::test]
async fn bad_queries_are_refused_with_the_parameter() {
    let world = World::start().await;
    let cases = [
        ("limit=0", "/limit"),
        ("limit=251", "/limit"),
        ("limit=-1", "/limit"),
        ("limit=1.5", "/limit"),
        ("limit=99999999999999999999", "/limit"),
        ("limit=", "/limit"),
        ("limit=%00", "/limit"),
        ("limit=1&limit=2", "/limit"),
        ("limit=1&unknown=1", "/unknown"),
        ("Limit=1", "/Limit"),
        ("limit[]=1", "/limit[]"),
        ("cursor=", ""),
        ("cursor=x", ""),
        ("cursor=%ff", ""),
        ("cursor=d2g6AAAAAAAAAAAAAAAAAAAAAAA", ""),
        ("cursor=' or 1=1", ""),
    ];
    let mut lists = 0;
    for call in world.surface.secured().into_iter().filter(|call| call.paged) {
        let api =
            if call.scope.as_deref() == Some(OPERATOR) { world.gateway.api() } else { world.own.api.clone() };
        let target = call.target(&world.own.ids, &world.own.ids);
        let separator = if target.contains('?') { '&' } else { '?' };
        for (query, pointer) in cases {
            let query = query.replace(' ', "%20");
            let shown = format!("{} with {query}", call.row.operation);
            let answer = call.send_to(&api, &format!("{target}{separator}{query}"), "").await;
            let problem = assert_precise(&answer, &shown);
            if pointer.is_empty() {
                assert_eq!((answer.status(), &problem["code"]), (400, &"invalid_cursor".into()), "{shown}");
            } else {
                assert_eq!(
                    (answer.status(), &problem["code"]),
                    (400, &"invalid_query".into()),
                    "{shown}: {problem}"
                );
                assert_eq!(problem["errors"][0]["pointer"], pointer, "{shown}: {problem}");
            }
        }
        lists += 1;
    }
    assert!(lists >= 6, "{lists}");
}
