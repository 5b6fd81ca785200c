//! The deterministic simulation: the product holds every rule, and every planted bug is found.

use std::collections::{BTreeMap, BTreeSet};

use snapferry_sim::faults::{Fault, World};
use snapferry_sim::simulation::mutant::Mutant;
use snapferry_sim::simulation::{Args, Outcome, Report, rule, run_world, simulate, world_seeds};

const SEED: u64 = 1;
const EXECUTIONS: u64 = 1_000;

fn args(executions: u64, threads: usize) -> Args {
    Args {
        executions,
        seed: SEED,
        world: None,
        mutant: None,
        threads,
        trace: false,
    }
}

fn assert_same(one: &Report, other: &Report) {
    assert_eq!(one.worlds, other.worlds);
    assert_eq!(one.executions, other.executions);
    assert_eq!(one.steps, other.steps);
    assert_eq!(one.counts, other.counts);
}

mod the_product {
    use super::*;

    /// A thousand executions of a seed, which hold every rule: how often each thing has happened.
    fn that_hold_every_rule(seed: u64) -> BTreeMap<&'static str, u64> {
        let report = simulate(&Args {
            seed,
            ..args(EXECUTIONS, 2)
        });
        let failure = report
            .failure
            .and_then(|outcome| outcome.failure_text(None));
        assert_eq!(failure, None, "{}", failure.as_deref().unwrap_or_default());
        assert!(report.executions >= EXECUTIONS);
        report.counts
    }

    #[test]
    fn a_thousand_executions_under_all_faults_hold_every_rule() {
        let counts = that_hold_every_rule(SEED);
        // Holding the rules proves something only if things go wrong.
        let injected: BTreeSet<&str> = counts
            .keys()
            .copied()
            .filter(|what| what.starts_with("fault: "))
            .collect();
        let listed: BTreeSet<&str> = Fault::of(World::Simulation).map(Fault::label).collect();
        assert!(listed.len() >= 30, "only {listed:?}");
        assert_eq!(injected, listed);
        let ends = [
            "successes taken",
            "failures taken",
            "a state timed out",
            "executions started by a hint",
            "executions started for what no hint told of",
            "sources that expired before their turn",
            "refused copies tried again after a week",
            "databases that waited for their own times",
            "a person stops a run by snapferry stop",
            "waits forgotten by snapferry stop",
            "slots handed on by a settled copy",
            "slots handed out by a sweep",
            "removals of source snapshots asked for",
        ];
        // A state times out in about one world of twenty, so the next seeds may have to show it.
        let mut missing = BTreeSet::from(ends);
        missing.retain(|end| !counts.contains_key(end));
        for seed in SEED + 1..=SEED + 3 {
            if missing.is_empty() {
                break;
            }
            let counts = that_hold_every_rule(seed);
            missing.retain(|end| !counts.contains_key(end));
        }
        assert!(missing.is_empty(), "{missing:?} never happen");
    }
}

mod the_same_seed {
    use super::*;

    #[test]
    fn is_the_same_world_step_by_step() {
        for seed in world_seeds(SEED).take(8) {
            let (one, other) = (run_world(seed, None, true), run_world(seed, None, true));
            assert!(one.trace.len() > 20, "world {seed} has hardly a step");
            assert!(one.trace == other.trace, "world {seed} differs");
            assert_eq!(one.counts, other.counts);
        }
    }

    #[test]
    fn is_the_same_report_whatever_the_number_of_threads() {
        let alone = simulate(&args(100, 1));
        assert_same(&alone, &simulate(&args(100, 2)));
        assert_same(&alone, &simulate(&args(100, 5)));
    }

    #[test]
    fn another_seed_is_another_world() {
        let worlds: BTreeSet<u64> = world_seeds(1)
            .take(50)
            .chain(world_seeds(2).take(50))
            .collect();
        assert_eq!(worlds.len(), 100);
        let traces: BTreeSet<Vec<String>> = worlds
            .into_iter()
            .take(5)
            .map(|seed| run_world(seed, None, true).trace)
            .collect();
        assert_eq!(traces.len(), 5);
    }
}

mod a_planted_bug {
    use super::*;

    /// Any seed's thousand executions are as good as another's. A bug that needs a rare coincidence appears about every five
    /// hundred executions, so one thousand in eight passes without it. The rarest (a run asks for a removed attempt while
    /// its removal is still entered) appears about every two thousand. The later seeds are drawn only for those.
    const SEEDS: [u64; 12] = [SEED, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

    /// The first world within this many executions of one seed in which the bug breaks its own rule.
    fn hunt(mutant: Mutant, seed: u64) -> Option<Outcome> {
        let mut executions = 0;
        for seed in world_seeds(seed) {
            let outcome = run_world(seed, Some(mutant), false);
            executions += outcome.executions;
            if executions > EXECUTIONS {
                return None;
            }
            let broken = outcome.violation.as_ref().map(|violation| violation.rule);
            if broken == Some(mutant.breaks()) {
                return Some(outcome);
            }
        }
        None
    }

    /// What follows a word of a text, up to the next blank.
    fn after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
        text.split_once(word)?.1.split_whitespace().next()
    }

    fn is_found(mutant: Mutant) {
        let Some(found) = SEEDS.into_iter().find_map(|seed| hunt(mutant, seed)) else {
            panic!("not found within {EXECUTIONS} executions of any of the seeds {SEEDS:?}");
        };
        let text = found.failure_text(Some(mutant)).unwrap();
        assert!(
            text.contains(&format!("broken: {}", mutant.breaks())),
            "{text}"
        );
        assert!(
            text.contains(&format!("seed of the world: {}", found.seed)),
            "{text}"
        );
        // The printed command shows the same failure again.
        let command = text.split_once("replay: ").unwrap().1;
        let again = simulate(&Args {
            world: Some(after(command, "--world").unwrap().parse().unwrap()),
            mutant: Mutant::by_name(after(command, "--mutant").unwrap()),
            trace: command.contains("--trace"),
            ..args(1, 1)
        });
        let again = again.failure.unwrap();
        assert_eq!(again.violation, found.violation);
        assert_eq!(again.steps, found.steps);
        assert!(again.trace.iter().any(|step| step.contains("BROKEN")));
    }

    macro_rules! found {
        ($($test:ident: $mutant:ident),+ $(,)?) => {
            $(
                #[test]
                fn $test() {
                    is_found(Mutant::$mutant);
                }
            )+

            const TESTED: &[Mutant] = &[$(Mutant::$mutant),+];
        };
    }

    found! {
        acts_before_it_registers: ActsBeforeItRegisters,
        conflict_is_overlooked: ConflictIsOverlooked,
        requested_before_rds_accepts: RequestedBeforeRdsAccepts,
        absence_fails_a_registered_wait: AbsenceFailsARegisteredWait,
        no_grace_for_a_requested_wait: NoGraceForARequestedWait,
        one_absence_proves: OneAbsenceProves,
        dead_probe_is_alive: DeadProbeIsAlive,
        unknown_probe_is_dead: UnknownProbeIsDead,
        one_dead_is_believed: OneDeadIsBelieved,
        rival_counts_as_itself: RivalCountsAsItself,
        garbage_token_is_alive: GarbageTokenIsAlive,
        register_overwrites: RegisterOverwrites,
        replace_ignores_the_token: ReplaceIgnoresTheToken,
        phase_ignores_the_token: PhaseIgnoresTheToken,
        already_exists_is_success: AlreadyExistsIsSuccess,
        waits_for_a_failed_one: WaitsForAFailedOne,
        adopts_what_is_foreign: AdoptsWhatIsForeign,
        good_one_counts_as_failed: GoodOneCountsAsFailed,
        trusts_the_hint: TrustsTheHint,
        unknown_status_is_available: UnknownStatusIsAvailable,
        unknown_status_is_failed: UnknownStatusIsFailed,
        key_is_overlooked: KeyIsOverlooked,
        source_is_overlooked: SourceIsOverlooked,
        manifest_is_not_sent: ManifestIsNotSent,
        deletes_first: DeletesFirst,
        forget_ignores_the_token: ForgetIgnoresTheToken,
        unknown_delivery_is_accepted: UnknownDeliveryIsAccepted,
        nobody_waits_is_an_error: NobodyWaitsIsAnError,
        invalid_token_is_an_error: InvalidTokenIsAnError,
        throttling_is_permanent: ThrottlingIsPermanent,
        access_denied_is_permanent: AccessDeniedIsPermanent,
        disabled_key_is_permanent: DisabledKeyIsPermanent,
        full_house_is_parked: FullHouseIsParked,
        sweep_looks_at_nothing: SweepLooksAtNothing,
        slot_is_handed_out_twice: SlotIsHandedOutTwice,
        slot_is_freed_without_proof: SlotIsFreedWithoutProof,
        slot_is_given_back_early: SlotIsGivenBackEarly,
        policy_slots_are_overlooked: PolicySlotsAreOverlooked,
        sweep_hands_nothing_out: SweepHandsNothingOut,
        queue_is_read_backwards: QueueIsReadBackwards,
        hand_over_is_not_stamped: HandOverIsNotStamped,
        refused_copy_is_not_looked_for: RefusedCopyIsNotLookedFor,
        learnt_limit_is_ignored: LearntLimitIsIgnored,
        slot_is_never_freed: SlotIsNeverFreed,
        later_attempt_is_forgotten: LaterAttemptIsForgotten,
        next_attempt_leaves_its_wait: NextAttemptLeavesItsWait,
        later_attempt_has_its_own_slot: LaterAttemptHasItsOwnSlot,
        queued_command_is_lost: QueuedCommandIsLost,
        throttled_command_is_lost: ThrottledCommandIsLost,
        failed_record_is_acked: FailedRecordIsAcked,
        unknown_status_panics: UnknownStatusPanics,
        pages_never_end: PagesNeverEnd,
        time_to_live_is_too_short: TimeToLiveIsTooShort,
        time_to_live_is_missing: TimeToLiveIsMissing,
        used_name_is_done: UsedNameIsDone,
        failed_execution_is_done: FailedExecutionIsDone,
        unanswered_start_is_started: UnansweredStartIsStarted,
        left_over_is_forgotten: LeftOverIsForgotten,
        done_is_started_again: DoneIsStartedAgain,
        open_spread_is_forgotten: OpenSpreadIsForgotten,
        spread_is_ignored: SpreadIsIgnored,
        rest_of_the_spread_is_stored: RestOfTheSpreadIsStored,
        refusal_is_forgotten: RefusalIsForgotten,
        refusal_lapses_at_once: RefusalLapsesAtOnce,
        refusal_holds_for_ever: RefusalHoldsForEver,
        exclusion_is_overlooked: ExclusionIsOverlooked,
        hopeless_cluster_is_planned: HopelessClusterIsPlanned,
        refused_kind_is_planned: RefusedKindIsPlanned,
        stopped_is_planned: StoppedIsPlanned,
        tde_is_overlooked: TdeIsOverlooked,
        hint_says_who_is_selected: HintSaysWhoIsSelected,
        owner_is_overlooked: OwnerIsOverlooked,
        carried_tags_are_forgotten: CarriedTagsAreForgotten,
        option_group_is_forgotten: OptionGroupIsForgotten,
        hold_is_overlooked: HoldIsOverlooked,
        mismatch_is_overlooked: MismatchIsOverlooked,
        future_is_overlooked: FutureIsOverlooked,
        good_is_taken_for_failed: GoodIsTakenForFailed,
        lost_page_is_empty: LostPageIsEmpty,
        removal_is_not_entered: RemovalIsNotEntered,
        awaited_is_removed: AwaitedIsRemoved,
        each_source_counts_as_copied: EachSourceCountsAsCopied,
        hold_since_the_list_is_overlooked: HoldSinceTheListIsOverlooked,
        freeze_is_read_once: FreezeIsReadOnce,
        removed_name_is_used_again: RemovedNameIsUsedAgain,
        freeze_is_overlooked: FreezeIsOverlooked,
        stricter_rule_is_used: StricterRuleIsUsed,
        notes_are_not_kept: NotesAreNotKept,
        claim_is_not_checked: ClaimIsNotChecked,
        claim_is_always_ours: ClaimIsAlwaysOurs,
        claim_has_no_grace: ClaimHasNoGrace,
        copys_own_time_is_taken: CopysOwnTimeIsTaken,
        recovery_point_is_not_entered: RecoveryPointIsNotEntered,
        older_copy_is_entered: OlderCopyIsEntered,
        deletion_is_forgotten: DeletionIsForgotten,
        resource_id_is_not_compared: ResourceIdIsNotCompared,
        tags_are_inherited: TagsAreInherited,
        protection_is_dropped: ProtectionIsDropped,
        restore_asks_the_source: RestoreAsksTheSource,
        backups_count_as_on: BackupsCountAsOn,
        unreachable_is_empty: UnreachableIsEmpty,
        unreachable_has_no_databases: UnreachableHasNoDatabases,
    }

    #[test]
    fn each_has_its_test() {
        assert_eq!(TESTED, Mutant::ALL);
    }

    /// Whose a snapshot is stands in its name, which is what the pruner asks RDS to delete: no port can confuse the two.
    const WITHOUT_A_MUTANT: [&str; 1] = [rule::FOREIGN];

    #[test]
    fn breaks_each_rule_that_the_judge_knows() {
        let broken: BTreeSet<&str> = Mutant::ALL.iter().map(|mutant| mutant.breaks()).collect();
        for rule in rule::ALL {
            let is_broken = broken.contains(rule);
            let is_excused = WITHOUT_A_MUTANT.contains(rule);
            assert!(is_broken != is_excused, "{rule}");
        }
    }

    #[test]
    fn stands_in_the_table_beside_the_rule_that_it_breaks() {
        let page = include_str!("../src/simulation/mutant.rs");
        let rows: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with("//! |"))
            .collect();
        let rules = include_str!("../src/simulation/rule.rs");
        for mutant in Mutant::ALL {
            let constant = rules
                .lines()
                .find(|line| line.contains(&format!("= \"{}\"", mutant.breaks())))
                .and_then(|line| line.split_whitespace().next())
                .unwrap();
            let row = rows
                .iter()
                .find(|row| row.contains(&format!("`{}`", mutant.name())));
            let row = row.unwrap_or_else(|| panic!("{} is not in the table", mutant.name()));
            assert!(row.ends_with(&format!("| `{constant}` |")), "{row}");
        }
    }
}
