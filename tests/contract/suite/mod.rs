//! What every implementation of the ports must do.
//!
//! The name of each case is a sentence. Each runs against the fake in memory (`tests/contract/main.rs`) and against the
//! adapters over the AWS SDK on the emulator (`tests/emulator`). A fake that allows more than DynamoDB would hide bugs of
//! the product, so write the cases of a new port here first.
//!
//! Each case gets its own subject, with an empty table and empty queues.

/// Names the sum of the ports of a file's cases.
macro_rules! table {
    ($($port:ident)+) => {
        /// The ports of this file's cases.
        pub(crate) trait Table: $($port +)+ {}

        impl<T> Table for T where T: $($port +)+ {}
    };
}

pub(crate) mod catalog;
pub(crate) mod configurations;
pub(crate) mod drills;
pub(crate) mod hand_over;
pub(crate) mod letters;
pub(crate) mod policies;
pub(crate) mod restores;
pub(crate) mod retention;
pub(crate) mod samples;
pub(crate) mod slots;
pub(crate) mod step_functions;
pub(crate) mod waits;

/// Makes a test of every case about the table, each run by `$run`.
macro_rules! table_contract {
    ($run:path) => {
        $crate::suite::tests! { $run, waits:
            a_wait_is_stored_where_there_is_none,
            a_stored_wait_stays_and_comes_with_the_refusal,
            a_wait_keeps_its_times_in_milliseconds_and_its_sources_time_in_full,
            a_wait_is_replaced_while_it_has_the_expected_token,
            a_wait_with_another_token_is_not_replaced,
            a_wait_that_is_gone_is_not_replaced,
            all_attempts_at_a_copy_have_one_wait,
            attempts_that_are_looked_up_together_find_their_wait_once,
            a_wait_goes_on_to_the_next_attempt_in_one_write,
            a_wait_at_another_attempt_is_not_replaced,
            a_wait_at_another_attempt_is_not_marked,
            a_wait_is_forgotten_whichever_attempt_it_is_at,
            a_phase_is_set_with_its_time_and_nothing_else_changes,
            a_phase_is_set_only_where_the_wait_may_come_into_it,
            a_wait_is_registered_again_only_with_a_later_time,
            a_phase_is_not_set_for_another_token,
            a_phase_is_not_set_where_there_is_no_wait,
            a_wait_is_forgotten_with_its_token,
            a_wait_with_another_token_is_not_forgotten,
            forgetting_a_wait_that_is_gone_is_no_error,
            a_wait_that_nobody_has_touched_is_forgotten_as_idle,
            a_wait_that_was_touched_since_is_not_forgotten_as_idle,
            a_trouble_is_noted_and_nothing_else_changes,
            a_later_trouble_takes_the_earlier_ones_place,
            a_trouble_is_not_noted_for_another_token,
            a_trouble_is_not_noted_where_there_is_no_wait,
            an_absence_is_noted_and_taken_back_and_nothing_else_changes,
            an_absence_is_not_noted_for_another_token_or_attempt,
            an_absence_goes_with_the_attempt,
            a_token_is_called_dead_again_only_on_another_occasion,
            what_was_heard_of_one_token_says_nothing_of_another,
            a_lookup_finds_the_waits_there_are,
            a_lookup_of_nothing_finds_nothing,
            a_resource_that_is_named_twice_is_found_once,
            the_list_shows_each_open_wait_once,
            the_list_shows_a_wait_as_it_was_last_written,
            the_list_of_an_empty_table_is_one_empty_page,
        }
        $crate::suite::tests! { $run, slots:
            slots_are_taken_up_to_the_limit,
            a_slot_that_is_held_is_held_again_when_the_limit_is_lowered,
            a_policy_takes_no_more_slots_than_its_own_limit,
            a_policy_with_slots_of_its_own_leaves_the_others_theirs,
            the_limit_of_all_holds_for_a_policy_with_room_of_its_own,
            a_holder_counts_for_its_policy_once_it_claims_for_it,
            a_holder_counts_for_each_policy_that_it_has_claimed_for,
            a_refused_claim_leaves_nothing_behind,
            all_attempts_at_a_copy_have_one_slot,
            a_slot_is_kept_while_a_later_attempt_has_the_wait,
            a_slot_is_freed_when_the_wait_is_gone,
            a_slot_is_not_freed_while_a_wait_is_stored,
            a_slot_is_freed_while_the_wait_is_registered_since_that_time,
            a_registered_waits_time_is_compared_in_milliseconds,
            a_slot_is_not_freed_when_the_wait_has_moved_on,
            a_slot_that_nobody_holds_is_not_freed,
            a_freed_slot_is_free_for_its_policy_too,
            a_slot_freed_without_its_policy_still_counts_for_the_policy,
            a_slot_freed_for_another_policy_still_counts_for_its_own,
            what_is_left_in_a_policys_set_alone_is_shown_and_can_be_freed,
            the_list_shows_the_holders_on_one_page,
            clusters_take_no_more_than_their_part_of_the_slots,
            clusters_take_no_slot_where_instances_have_all,
            a_freed_slot_of_a_cluster_is_free_for_the_next,
            a_policy_takes_no_more_slots_for_clusters_than_its_own_limit,
            the_holders_are_read_at_once,
            a_limit_is_learnt_for_each_family,
            a_limit_is_learnt_only_over_what_was_known,
            what_the_last_sweep_found_is_the_last_that_was_stored,
        }
        $crate::suite::tests! { $run, hand_over:
            queued_copies_follow_each_other_by_their_turns,
            a_queued_copy_has_its_phase_and_time_and_nothing_else_changes,
            a_copy_leaves_the_queue_when_it_comes_into_another_phase,
            a_copy_is_queued_only_by_its_token_and_while_rds_has_not_accepted_it,
            a_copy_without_a_turn_is_shown_and_gets_one,
            a_copy_that_has_left_the_queue_gets_no_turn,
            a_settled_copys_slot_goes_to_the_next_in_one_write,
            a_slot_is_handed_on_between_policies,
            of_two_that_hand_on_at_once_the_second_must_look_again,
            a_slot_is_not_handed_on_while_a_wait_is_stored,
            a_claim_ends_the_hand_over,
            a_slot_is_handed_out_again_only_by_who_knows_the_stamp,
            a_slot_that_a_worker_has_claimed_since_is_not_handed_out,
            a_slot_is_handed_out_under_the_limits,
            a_freed_slot_leaves_no_stamp,
        }
        $crate::suite::tests! { $run, catalog:
            the_databases_that_a_policy_selects_are_read_as_they_were_stored_last,
            the_first_claim_is_ours,
            a_claim_that_is_repeated_is_ours,
            another_claim_is_answered_with_the_holder_and_since_when,
            a_run_is_taken_over_from_the_holder_that_was_looked_at,
            a_run_is_not_taken_over_once_it_was_claimed_anew,
            a_run_is_not_taken_over_from_another_than_the_one_looked_at,
            a_takeover_finds_a_run_that_has_ended_free,
            a_run_is_released_by_its_own_name_alone,
            the_runs_of_two_policies_are_apart,
            only_the_execution_with_the_claim_and_its_input_is_permitted,
            a_claim_that_moved_on_or_was_released_permits_no_more,
            a_recovery_point_is_entered,
            a_recovery_point_ends_its_run,
            a_recovery_point_of_another_execution_leaves_the_run_open,
            a_run_whose_name_ends_like_the_execution_stays_open,
            a_younger_recovery_point_takes_the_older_ones_place,
            a_recovery_point_of_the_same_age_takes_its_place,
            an_older_recovery_point_is_not_entered_and_ends_its_run,
            ages_are_compared_in_milliseconds,
            an_undated_recovery_point_is_entered_where_there_is_none,
            an_undated_recovery_point_takes_no_other_ones_place,
            a_dated_recovery_point_takes_an_undated_ones_place,
            entries_are_read_where_there_are_any,
            no_entries_are_read_of_nothing,
            a_refusal_is_remembered_and_takes_the_place_of_the_one_before,
            a_refusal_of_another_policy_is_apart,
            a_refusal_is_forgotten_for_a_person_and_nothing_else_is,
            a_recovery_point_that_is_entered_forgets_a_refusal,
            the_cursor_begins_nowhere,
            the_cursor_moves_forward,
            the_cursor_never_moves_backwards,
            the_cursors_of_policies_and_regions_are_apart,
            what_a_due_time_left_over_stands_beside_the_cursor,
            what_was_left_over_is_replaced_at_the_same_due_time,
            an_earlier_due_time_replaces_nothing_that_a_later_one_left_over,
            how_far_a_spread_has_come_stands_beside_the_cursor,
            how_far_a_spread_has_come_is_kept_in_milliseconds,
            a_spread_goes_with_its_last_own_time_and_with_the_next_due_time,
            an_earlier_due_time_opens_no_spread,
        }
        $crate::suite::tests! { $run, configurations:
            a_configuration_is_read_as_it_was_stored,
            a_stored_configuration_never_changes,
            a_configuration_goes_only_if_nobody_has_stored_it_since,
            the_pruners_notes_are_kept_with_the_versions,
            the_versions_of_each_database_are_apart,
            a_version_is_entered_only_over_the_newest_that_was_known,
            an_empty_list_of_versions_is_not_stored,
            the_last_listing_of_each_region_is_kept,
            a_region_without_databases_has_a_listing,
        }
        $crate::suite::tests! { $run, drills:
            drills_are_read_as_they_were_stored,
            drills_are_stored_only_over_those_before_them,
            the_drills_that_are_being_removed_are_stored_only_over_those_before_them,
        }
        $crate::suite::tests! { $run, restores:
            a_restore_is_read_as_it_was_stored,
            a_restore_is_stored_only_over_the_one_before_it,
            an_instance_and_a_cluster_of_one_name_are_apart,
        }
        $crate::suite::tests! { $run, policies:
            no_policies_hold_before_the_first_are_stored,
            the_first_set_holds_once_it_is_stored,
            the_next_version_takes_the_place_of_the_one_before_it,
            a_version_is_stored_once,
            a_version_that_does_not_follow_is_refused,
            the_first_version_is_refused_once_there_is_one,
            every_version_stays_as_it_was_stored,
            the_stamps_of_the_versions_there_are_come_in_any_order,
        }
        $crate::suite::tests! { $run, retention:
            a_removal_is_entered_where_no_wait_stands,
            no_wait_is_registered_for_what_is_being_removed,
            a_later_attempt_is_registered_in_the_place_of_a_removal,
            a_removal_is_entered_again_and_not_beside_another_attempts,
            a_removal_is_dropped_by_its_own_snapshot_and_a_wait_never_is,
            a_removal_is_no_wait_for_those_that_look_waits_up,
            what_a_copy_turned_out_to_be_is_entered,
            a_mismatch_never_takes_a_successs_place,
            mismatches_are_listed_until_they_turn_out_right,
            notes_are_read_as_they_were_stored_last,
            the_last_round_is_remembered,
            one_holder_has_the_lease_until_its_time_is_over,
            a_freeze_stands_until_somebody_takes_it_back,
            each_region_has_its_last_listing,
            histories_are_read_as_they_were_stored_last,
            what_was_entered_may_go_later_and_is_read_until_then,
            the_newest_is_set_right_while_it_is_the_expected_one,
        }
    };
}

/// Makes a test of every case about the queues, each run by `$run`.
macro_rules! queue_contract {
    ($run:path) => {
        $crate::suite::tests! { $run, letters:
            a_command_arrives_as_it_was_sent,
            a_delayed_message_comes_again_later,
            a_command_that_is_sent_later_does_not_arrive_before,
            a_dead_letter_is_received_as_it_lies_there,
            no_more_dead_letters_come_than_were_asked_for,
            a_received_dead_letter_is_hidden,
            a_hidden_dead_letter_comes_again,
            a_dead_letter_that_is_shown_again_comes_at_once,
            a_removed_dead_letter_is_gone,
            a_dead_letter_is_sent_again_as_it_is,
        }
    };
}

/// Makes a test of every case about Step Functions, each run by `$run`.
macro_rules! step_functions_contract {
    ($run:path) => {
        $crate::suite::tests! { $run, step_functions:
            a_token_that_somebody_sleeps_on_is_alive,
            a_success_is_accepted_once,
            a_failure_is_accepted_once,
            a_token_is_dead_once_its_task_has_ended,
            an_execution_is_unknown_before_it_is_started,
            an_execution_runs_once_it_is_started,
            a_name_is_used_up_by_another_input,
            a_name_is_used_up_by_an_execution_that_has_ended,
            an_execution_whose_task_fails_has_failed,
            a_stopped_execution_has_failed_and_is_listed_no_more,
            an_execution_that_is_not_known_cannot_be_stopped,
        }
    };
}

/// Makes one test for each case.
macro_rules! tests {
    ($run:path, $subject:ident: $($case:ident),+ $(,)?) => {
        mod $subject {
            $(
                #[test]
                fn $case() {
                    $run($crate::suite::$subject::$case);
                }
            )+
        }
    };
}

pub(crate) use {queue_contract, step_functions_contract, table_contract, tests};
