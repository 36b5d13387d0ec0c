//! Which simulated response a request gets.

use stentor_core::event::EventContent;
use stentor_core::filter::Facts;
use stentor_core::profile::Profile;
use stentor_core::source::{SimulatedResponse, Simulation};

use super::gate::Gate;

/// The response that the source gives instead of the ordinary one. A sequence moves on by one.
pub(super) fn response_to(gate: &Gate, content: &EventContent) -> Option<SimulatedResponse> {
    match gate.source().config.response.as_ref()? {
        Simulation::Sequence(responses) => responses.get(gate.next_turn(responses.len())).cloned(),
        Simulation::Rules(rules) => {
            let view = content.view();
            let facts = Facts::of(content, view.as_deref(), None);
            let meets = |when: &stentor_core::filter::Filter| when.passes(&facts, Profile::default());
            let rule = rules.iter().find(|rule| rule.when.as_ref().is_none_or(meets));
            rule.map(|rule| rule.response.clone())
        }
    }
}
