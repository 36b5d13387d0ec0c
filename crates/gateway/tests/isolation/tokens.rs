//! Every operation refuses a missing, wrong or under-scoped token, before it looks at anything else of the request.

use http::Method;
use serde_json::json;
use stentor_testkit::api::{Answer, Api, text};

use crate::surface::{Call, Ids, OPERATOR, SCOPES, World};

/// As in the call, once as it should be and once with a target and body that are no good: the token decides first.
async fn both_ways(call: &Call, api: &Api, ids: &Ids, headers: &[(&str, &str)]) -> [Answer; 2] {
    let bad_target = call.path.replace(['{', '}'], "") + "?limit=0&unknown=1";
    let send = async |target: &str, body: String| {
        let answer = api.request(call.method.clone(), target, headers, body).await;
        answer.unwrap_or_else(|error| panic!("{}: {error}", call.row.operation))
    };
    [send(&call.target(ids, ids), call.body(ids)).await, send(&bad_target, "{".to_owned()).await]
}

#[tokio::test]
async fn no_operation_works_without_a_good_token() {
    let world = World::start().await;
    let ids = &world.other.ids;
    let anonymous = world.gateway.api().without_token();
    let good = world.other.api.token().unwrap().to_owned();
    let malformed = [
        "Basic dXNlcjpwYXNz".to_owned(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Token x".to_owned(),
        good.clone(),
        format!("Bearer {good} {good}"),
        format!("Bearer: {good}"),
    ];
    let wrong = [
        format!("Bearer stk_{}", "A".repeat(43)),
        format!("Bearer {good}A"),
        format!("Bearer {}", &good[..good.len() - 1]),
        format!("Bearer {}", good.to_ascii_uppercase()),
        format!("Bearer {}", &good["stk_".len()..]),
        format!("Bearer {}", "x".repeat(5_000)),
        format!("Bearer {}", ids.get("tenant")),
    ];
    let secured = world.surface.secured();
    assert!(secured.len() > 25);
    for call in secured {
        let operation = call.row.operation;
        let mut refused = both_ways(&call, &anonymous, ids, &[]).await.to_vec();
        for value in &malformed {
            refused.extend(both_ways(&call, &anonymous, ids, &[("authorization", value)]).await);
        }
        let bearer = format!("Bearer {good}");
        let twice = [("authorization", bearer.as_str()), ("authorization", bearer.as_str())];
        refused.extend(both_ways(&call, &anonymous, ids, &twice).await);
        for answer in refused {
            assert_eq!(
                (answer.status(), answer.problem_code()),
                (401, "unauthenticated".into()),
                "{operation}"
            );
            assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"stentor\""), "{operation}");
        }
        for value in &wrong {
            for answer in both_ways(&call, &anonymous, ids, &[("authorization", value)]).await {
                assert_eq!(
                    (answer.status(), answer.problem_code()),
                    (401, "invalid_token".into()),
                    "{operation}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_revoked_token_is_refused_everywhere_at_once() {
    let world = World::start().await;
    let ids = &world.other.ids;
    let body = json!({"scopes": SCOPES});
    let made = world.other.api.post("/v1/tokens", &body).await;
    let revoked = world.gateway.api().with_token(&text(&made, "token"));
    assert_eq!(revoked.read("/v1/webhooks").await["data"].as_array().unwrap().len(), 3);
    world.other.api.delete(&format!("/v1/tokens/{}", text(&made, "id"))).await;
    for call in world.surface.secured() {
        for answer in both_ways(&call, &revoked, ids, &[]).await {
            assert_eq!(answer.status(), 401, "{}", call.row.operation);
            assert_eq!(answer.problem_code(), "invalid_token");
        }
    }
}

#[tokio::test]
async fn every_scope_but_the_needed_one_is_not_enough() {
    let world = World::start().await;
    let ids = &world.other.ids;
    for call in world.surface.secured() {
        let needed = call.scope.as_deref().unwrap();
        let others: Vec<&str> = SCOPES.into_iter().filter(|scope| *scope != needed).collect();
        let token = world.token(&world.other, &others).await;
        for answer in both_ways(&call, &token, ids, &[]).await {
            assert_eq!(answer.status(), 403, "{}: {}", call.row.operation, answer.text());
            if needed == OPERATOR {
                assert_eq!(answer.problem_code(), "operator_required");
            } else {
                assert_eq!(answer.problem_code(), "insufficient_scope");
                assert_eq!(answer.json()["scope"], needed);
            }
        }
    }
}

/// The counterpart: without it the refusals above could be those of calls that never work.
#[tokio::test]
async fn the_needed_scope_alone_is_enough_for_a_valid_call() {
    let world = World::start().await;
    for call in world.surface.calls() {
        let scope = call.scope.as_deref();
        let api = match scope {
            Some(scope) => world.token(&world.other, &[scope]).await,
            None => world.gateway.api().without_token(),
        };
        let answer = call.send(&api, &world.other.ids).await;
        assert!(answer.is_success(), "{}: {} {}", call.row.operation, answer.status(), answer.text());
    }
}

#[tokio::test]
async fn no_token_gives_more_than_it_has() {
    let world = World::start().await;
    let manager = world.token(&world.own, &["manage"]).await;
    for scope in ["publish", "read"] {
        let body = json!({"scopes": ["manage", scope]}).to_string();
        let answer = manager.request(Method::POST, "/v1/tokens", &[], body).await.unwrap();
        assert_eq!((answer.status(), answer.problem_code()), (403, "insufficient_scope".into()));
        assert_eq!(answer.json()["scope"], scope);
    }
    for scopes in [json!(["operator"]), json!(["*"]), json!(["Manage"]), json!(["admin"]), json!([])] {
        let body = json!({ "scopes": scopes }).to_string();
        let answer = manager.request(Method::POST, "/v1/tokens", &[], body).await.unwrap();
        assert_eq!((answer.status(), answer.problem_code()), (422, "invalid_body".into()), "{scopes}");
    }
}

/// Naming another tenant in the header is refused alike whether there is such a tenant.
#[tokio::test]
async fn a_tenants_token_cannot_choose_another_tenant() {
    let world = World::start().await;
    for call in world.surface.secured().iter().filter(|call| call.scope.as_deref() != Some(OPERATOR)) {
        let target = call.target(&world.other.ids, &world.other.ids);
        let mut answers = Vec::new();
        for tenant in [world.other.ids.get("tenant"), "tnt_01h455vb4pex5vsknk084sn02q"] {
            let headers = [("stentor-tenant", tenant)];
            let body = call.body(&world.other.ids);
            let answer = world.own.api.request(call.method.clone(), &target, &headers, body).await.unwrap();
            assert_eq!((answer.status(), answer.problem_code()), (403, "operator_required".into()));
            answers.push(crate::seen(&answer));
        }
        assert_eq!(answers[0], answers[1], "{}", call.row.operation);
    }
}
