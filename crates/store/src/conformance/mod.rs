//! The suite that every backend must pass unchanged, written from the documentation of the traits alone.
//!
//! It is part of the library, so that a backend outside this crate can run it: implement [`Backend`] and expand
//! [`conformance_suite!`](crate::conformance_suite) in a test. Each case gets a store of its own, so that a failure has a
//! name and cases run side by side. Ids and times come from a counter, so that a failure repeats.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use crate::Store;

pub mod answers;
pub mod batched;
pub mod batches;
pub mod broadcasts;
pub mod config_version;
pub mod conservation;
pub mod conversations;
pub mod event_types;
pub mod fallbacks;
pub mod fixtures;
pub mod health;
pub mod idempotency;
pub mod isolation;
pub mod journal;
pub mod lanes;
pub mod leftovers;
pub mod lists;
pub mod maintenance;
pub mod messages;
pub mod order;
pub mod outcomes;
pub mod purge;
pub mod requests;
pub mod retry_cancel;
pub mod routes;
pub mod sources;
pub mod statistics;
pub mod tenants;
pub mod tokens;
pub mod usage;
pub mod webhooks;

/// A backend under test. Setting a database up is not what is tested: a failure of it may panic.
#[async_trait]
pub trait Backend: Send + Sync {
    /// A fresh, empty store. A case calls it once.
    async fn open(&self) -> Arc<dyn Store>;

    /// Closes the store, which nobody else holds, and opens the same database again.
    async fn reopen(&self, store: Arc<dyn Store>) -> Arc<dyn Store>;

    /// Opens what [`backup`](crate::Maintenance::backup) wrote, with the keys of the original.
    async fn open_copy(&self, file: &Path) -> Arc<dyn Store>;

    /// A path in an existing directory at which there is no file; it goes with the backend.
    fn scratch_file(&self) -> PathBuf;
}

/// Expands to one `#[tokio::test]` per case. The expression makes a fresh [`Backend`](crate::conformance::Backend) and is
/// evaluated for each case; it names what is in scope where the macro stands.
#[macro_export]
macro_rules! conformance_suite {
    ($backend:expr) => {
        $crate::conformance_cases! { $backend;
            batched: [
                a_failed_attempt_of_several_keeps_them_together,
                what_ended_meanwhile_is_told_alone,
                a_page_never_cuts_a_batch,
                a_person_takes_none_out_of_a_batch,
                attempts_and_finished_deliveries_tell_their_batch,
                a_retry_makes_the_whole_batch_due,
            ],
            batches: [
                a_repeated_event_id_is_refused_alone,
                a_repeated_delivery_id_is_refused_alone,
                bad_items_among_a_hundred_fail_alone,
                a_full_batch_is_answered_in_order,
                an_empty_batch_is_committed,
                a_mixed_batch_is_answered_in_order,
                several_events_are_stored_together_or_not_at_all,
            ],
            broadcasts: [
                a_broadcast_comes_back,
                a_broadcast_is_created_once_per_key,
                an_unknown_tenant_stores_nothing,
                its_tenants_are_walked_in_order,
                each_step_counts_once,
                a_step_with_old_routing_stores_nothing,
                broadcasts_are_listed_newest_first,
            ],
            config_version: [
                another_version_stores_nothing,
                an_unknown_tenant_has_no_version,
                every_change_moves_the_version,
                deliveries_do_not_move_the_version,
            ],
            conservation: [
                a_random_day_conserves,
                another_random_day_conserves,
                a_random_week_conserves,
                a_closed_hour_can_still_change,
            ],
            conversations: [
                a_conversation_comes_back,
                conversations_share_their_webhook,
                a_conversation_is_created_once_per_key,
                conversations_are_listed_once_each,
                a_change_of_a_conversation_needs_its_revision,
                a_deleted_conversation_leaves_its_id_free,
                an_unused_webhook_is_retired,
                a_deleted_tenants_conversations_are_gone,
            ],
            event_types: [
                a_declared_type_comes_back,
                a_type_is_replaced_or_kept,
                types_are_bounded_all_or_none,
                a_deleted_type_is_gone,
                what_is_in_force_follows_the_rules,
            ],
            fallbacks: [
                what_is_given_up_goes_to_the_fallback,
                only_what_is_dead_goes_there,
                a_fallback_of_nobody_gets_nothing,
                operational_events_go_no_further,
                a_fallback_is_purged_with_its_event,
            ],
            health: [
                failures_are_recorded_by_their_transitions,
                what_is_not_applied_changes_no_health,
                an_outcome_disables_the_webhook_once,
                a_deleted_webhook_is_not_disabled,
                leaving_disabled_clears_the_record,
                a_disabled_webhook_is_noted_until_its_event_is_emitted,
                a_dead_delivery_is_noted_where_another_asks,
            ],
            answers: [
                an_answer_is_kept_for_its_request,
                a_key_that_did_nothing_is_free_again,
                an_answer_ends_with_its_key,
            ],
            idempotency: [
                a_key_stands_for_its_first_event,
                a_key_tells_its_first_event,
                a_key_twice_in_a_batch_stores_one_event,
                an_expired_key_may_be_used_anew,
                a_key_belongs_to_its_tenant,
                what_is_not_stored_leaves_its_key_free,
                keys_survive_a_reopen,
                a_webhook_is_created_once_per_key,
            ],
            isolation: [
                single_reads_find_nothing_of_others,
                lists_hold_nothing_of_others,
                journal_items_do_not_reach_others,
                changes_do_not_reach_others,
            ],
            journal: [
                an_event_and_its_deliveries_are_stored_together,
                every_byte_comes_back,
                every_field_of_an_event_comes_back,
                an_event_that_matches_nothing_is_stored,
                a_first_wait_is_kept,
                stored_events_answers_what_is_there,
                everything_survives_a_reopen,
            ],
            lanes: [
                fresh_rows_come_in_order,
                large_data_is_left_out_of_pages,
                a_page_is_bounded_in_bytes,
                due_rows_come_by_their_time,
                waiting_lanes_are_those_with_rows,
                waiting_lanes_come_in_pieces,
                waiting_rows_are_counted_up_to_a_bound,
                a_retried_row_is_due_at_once,
            ],
            lists: [
                deliveries_are_listed_once_each,
                held_follows_the_webhook,
                events_are_listed_once_each,
                large_data_is_left_out_of_lists,
                event_types_walk_a_span_of_time,
            ],
            leftovers: [
                revisions_go_once_another_was_in_force,
                tombstones_go_after_their_deliveries,
                only_what_has_ended_goes,
            ],
            maintenance: [
                a_process_learns_how_the_last_one_ended,
                starts_are_taken_once,
                upkeep_changes_nothing,
                a_backup_opens_and_conserves,
                a_backup_needs_a_new_file,
            ],
            messages: [
                a_message_is_stored_with_its_event,
                a_message_that_cannot_be_leaves_nothing,
                a_message_changes_with_its_event_or_alone,
                deliveries_are_traced_to_their_message,
                messages_go_by_retention,
            ],
            order: [
                positions_rise_when_clocks_go_backwards,
                the_counter_outlives_its_rows,
                only_ordered_webhooks_are_moved_up,
                redeliveries_join_the_end,
                a_refused_item_leaves_the_order_alone,
                the_queue_is_read_in_order,
            ],
            outcomes: [
                a_final_step_ends_the_delivery,
                a_retry_waits_and_numbers_go_on,
                the_same_outcome_twice_changes_nothing,
                an_unexpected_number_changes_nothing,
                every_kind_of_outcome_reads_back,
                claims_count_up_for_pending_rows,
            ],
            purge: [
                what_is_old_goes_and_the_rest_stays,
                pending_rows_expire_by_name,
                expired_rows_name_their_lane,
                pieces_are_bounded,
                pieces_are_bounded_in_bytes,
            ],
            requests: [
                a_refused_request_comes_back,
                a_refused_request_is_its_tenants,
                refused_requests_are_bounded_by_source,
                refused_requests_are_listed_by_what_is_asked,
                refused_requests_go_with_age,
            ],
            retry_cancel: [
                finish_ends_what_is_pending,
                a_cancelled_delivery_takes_no_outcome,
                a_retry_revives_a_finished_delivery,
                a_retry_makes_a_pending_delivery_due,
                an_unknown_delivery_is_not_retried,
                an_old_event_gets_new_deliveries,
                a_bad_redelivery_stores_nothing,
            ],
            routes: [
                every_field_of_a_route_comes_back,
                routes_keep_their_order_without_gaps,
                a_change_based_on_an_old_read_is_refused,
                an_order_puts_what_it_names_first,
                a_route_names_webhooks_of_its_tenant,
                routes_are_bounded,
                every_change_of_a_route_moves_the_version,
                routes_then_are_those_in_force,
                routes_do_not_reach_others,
            ],
            sources: [
                a_source_comes_back,
                a_source_is_created_once_per_key,
                sources_are_listed_once_each,
                what_is_deleted_is_gone,
                expired_sources_are_found,
                a_credential_is_found_by_its_pair,
                a_use_is_noted,
                a_received_event_keeps_its_arrival,
            ],
            statistics: [
                what_is_recorded_is_counted_at_once,
                what_is_not_recorded_is_not_counted,
                ends_without_an_attempt_are_counted,
                building_rollups_changes_nothing_that_is_read,
                what_comes_late_is_added,
                sums_belong_to_their_tenant,
                old_rollups_are_purged,
            ],
            tenants: [
                a_tenant_comes_back,
                names_are_unique,
                the_version_moves_with_the_plan,
                tenants_are_listed_once_each,
                deleting_a_tenant_takes_tokens_and_webhooks,
                a_deleted_tenant_keeps_its_events,
                items_of_a_deleted_tenant_fail_alone,
            ],
            tokens: [
                a_token_is_found_by_its_secret,
                a_revoked_token_is_found_as_revoked,
                tokens_are_listed_newest_first,
                a_token_needs_its_tenant,
                the_operator_token_is_replaced,
            ],
            usage: [
                events_are_counted_by_day,
                usage_outlives_closing_and_purging,
                operational_events_are_nobodys_use,
                a_late_event_counts_on_its_day,
                backlogs_follow_every_change,
                a_refused_item_changes_no_backlog,
            ],
            webhooks: [
                every_field_of_a_webhook_comes_back,
                a_change_based_on_an_old_read_is_refused,
                a_change_leaves_other_webhooks_alone,
                unknown_webhooks_and_tenants_are_not_found,
                a_deleted_webhook_is_a_tombstone,
                routing_is_everything_not_deleted,
                webhooks_are_listed_once_each,
                revisions_answer_what_was_in_force,
            ],
        }
    };
}

/// Expands the groups of [`conformance_suite!`].
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_cases {
    ($backend:expr; $($group:ident: [$($case:ident),* $(,)?],)*) => {
        $crate::conformance_cases! { @groups ($backend) $($group [$($case)*])* }
    };
    (@groups $backend:tt $($group:ident $cases:tt)*) => {
        $($crate::conformance_cases! { @group $backend $group $cases })*
    };
    (@group ($backend:expr) $group:ident [$($case:ident)*]) => {
        mod $group {
            use super::*;
            $(
                #[tokio::test]
                async fn $case() {
                    let backend = $backend;
                    $crate::conformance::$group::$case(&backend).await;
                }
            )*
        }
    };
}

#[cfg(test)]
mod tests {
    /// A case that is written and not listed would never run.
    #[test]
    fn every_case_is_listed() {
        let groups = [
            ("answers", include_str!("answers.rs")),
            ("batched", include_str!("batched.rs")),
            ("batches", include_str!("batches.rs")),
            ("broadcasts", include_str!("broadcasts.rs")),
            ("config_version", include_str!("config_version.rs")),
            ("conservation", include_str!("conservation.rs")),
            ("conversations", include_str!("conversations.rs")),
            ("event_types", include_str!("event_types.rs")),
            ("fallbacks", include_str!("fallbacks.rs")),
            ("health", include_str!("health.rs")),
            ("idempotency", include_str!("idempotency.rs")),
            ("isolation", include_str!("isolation.rs")),
            ("journal", include_str!("journal.rs")),
            ("lanes", include_str!("lanes.rs")),
            ("lists", include_str!("lists.rs")),
            ("maintenance", include_str!("maintenance.rs")),
            ("messages", include_str!("messages.rs")),
            ("order", include_str!("order.rs")),
            ("outcomes", include_str!("outcomes.rs")),
            ("purge", include_str!("purge.rs")),
            ("retry_cancel", include_str!("retry_cancel.rs")),
            ("routes", include_str!("routes.rs")),
            ("statistics", include_str!("statistics.rs")),
            ("tenants", include_str!("tenants.rs")),
            ("tokens", include_str!("tokens.rs")),
            ("usage", include_str!("usage.rs")),
            ("webhooks", include_str!("webhooks.rs")),
        ];
        let listed = include_str!("mod.rs");
        for (group, source) in groups {
            let list = listed
                .split_once(&format!("            {group}: ["))
                .and_then(|(_, rest)| rest.split_once(']'));
            let (list, _) = list.unwrap_or_else(|| panic!("{group} is not listed"));
            let listed: Vec<_> = list.split(',').map(str::trim).filter(|case| !case.is_empty()).collect();
            let is_case = |line: &&str| line.ends_with("(backend: &dyn Backend) {");
            let name = |line: &str| {
                line.strip_prefix("pub async fn ").map(|rest| rest.split('(').next().map(str::to_owned))
            };
            let written: Vec<_> = source.lines().filter(is_case).filter_map(name).flatten().collect();
            assert_eq!(listed, written, "{group}");
        }
    }
}
