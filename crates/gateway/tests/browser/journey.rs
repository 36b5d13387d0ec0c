//! The journey of a new user.

use stentor_testkit::gateway::{Gateway, OPERATOR_TOKEN};
use stentor_testkit::receiver::{Receiver, Reply};

use super::{run, script};

#[tokio::test]
async fn a_new_user_finds_the_way_with_the_browser_alone() {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let receiver = Receiver::start().await;
    receiver.always("/broken", Reply::status(503).body("down for the night"));
    let tenants = gateway.api().read("/v1/tenants").await;
    let mut journey = script("journey", &gateway);
    journey.env("STENTOR_LINK", gateway.sign_in_link().expect("the first start prints a link"));
    journey.env("STENTOR_BROKEN", receiver.url("/broken")).env("STENTOR_WELL", receiver.url("/well"));
    journey.env("STENTOR_TOKEN", OPERATOR_TOKEN);
    journey.env("STENTOR_TENANT", tenants["data"][0]["id"].as_str().unwrap());
    run(journey).await;
    let taken = receiver.requests_to("/well");
    let orders =
        taken.iter().filter(|request| String::from_utf8_lossy(&request.body).contains("order.created"));
    assert_eq!(orders.count(), 1, "the retry reached the address that was mended");
}
