"""Runs the emulator for Snapferry's local stack, and takes it down with all it started.

It lives as long as its standard input is open. The process that started it holds the other end. When that
process ends, even by a kill, the kernel closes the pipe, and nothing is left behind.
"""

import json
import os
import signal
import sys
import threading
import time

import own_roles


def die_with_starter():
    """Waits for the end of standard input, then kills the whole process group, itself included.

    The functions' processes are in this group: the emulator starts them without leaving it. They
    are killed rather than asked, since nothing here outlives the run and nothing is to be saved.
    """
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.killpg(0, signal.SIGKILL)


def let_aws_events_in():
    """Lets PutEvents carry `aws.*` sources.

    AWS refuses them from anybody but its services, and so does the emulator. The RDS events of the
    local stack come from a simulator outside it, which stands in for the service.
    """
    from ministack.services import eventbridge

    put_events = eventbridge._put_events
    eventbridge._put_events = lambda data, allow_aws_source=False: put_events(data, allow_aws_source=True)


def let_parameters_limit_concurrency():
    """Reads a mapping's MaximumConcurrency as a number.

    A template's parameters arrive as text, which CloudFormation makes a number of where a number
    belongs. The emulator does not, and its poller of all queues fails on the comparison.
    """
    from ministack.services import lambda_svc

    concurrency = lambda_svc._sqs_esm_concurrency

    def of_number(mapping, *arguments, **named):
        limits = {name: int(value) for name, value in (mapping.get("ScalingConfig") or {}).items()}
        return concurrency({**mapping, "ScalingConfig": limits}, *arguments, **named)

    lambda_svc._sqs_esm_concurrency = of_number


def let_each_try_have_a_token_of_its_own():
    """Gives every try of a state a new task token, and lets a token settle its task once.

    On AWS a retry has another token than the try before it, and a token whose task is settled is
    dead. The emulator keeps one token for all tries, so that what is said late of one try settles
    the next; and until the sleeping state has woken up, it takes a second answer, which wins.
    """
    from ministack.services import stepfunctions

    apply_parameters = stepfunctions._apply_parameters

    def of_this_try(state, data, ctx=None):
        # Called once for each try, before the task's message is made.
        if ctx and state.get("Resource", "").endswith(".waitForTaskToken"):
            ctx["Task"] = {"Token": stepfunctions.new_uuid()}
        return apply_parameters(state, data, ctx)

    stepfunctions._apply_parameters = of_this_try

    def once(answer):
        def unless_settled(data):
            task = stepfunctions._task_tokens.get(data.get("taskToken"))
            if task and task["event"].is_set():
                return stepfunctions.error_response_json("TaskTimedOut", "Task is settled", 400)
            return answer(data)

        return unless_settled

    for name in ["_send_task_success", "_send_task_failure", "_send_task_heartbeat"]:
        setattr(stepfunctions, name, once(getattr(stepfunctions, name)))


def let_conditions_join_lists():
    """Resolves Fn::Join of a list parameter in a template's conditions.

    The emulator compares the unresolved function with the empty text, so that every list counts as given.
    """
    from ministack.services.cloudformation import changesets, engine, handlers, stacks

    evaluate = engine._evaluate_conditions

    def joined(node, parameters):
        if isinstance(node, list):
            return [joined(one, parameters) for one in node]
        if not isinstance(node, dict):
            return node
        if "Fn::Join" in node:
            delimiter, items = node["Fn::Join"]
            if isinstance(items, dict) and items.get("Ref") in parameters:
                return delimiter.join(one.strip() for one in parameters[items["Ref"]]["Value"].split(","))
        return {key: joined(one, parameters) for key, one in node.items()}

    def with_joins(template, parameters):
        conditions = joined(template.get("Conditions", {}), parameters)
        return evaluate({**template, "Conditions": conditions}, parameters)

    for module in [changesets, engine, handlers, stacks]:
        module._evaluate_conditions = with_joins


def let_keys_exist():
    """Makes the keys whose ARNs the starter names. CreateKey would give them ids of its own."""
    from ministack.services import kms

    for arn in filter(None, os.environ.get("SNAPFERRY_KEYS", "").split(",")):
        region, account, resource = arn.split(":")[3:6]
        key_id = resource.removeprefix("key/")
        kms._keys.set_scoped(account, region, key_id, {
            "KeyId": key_id,
            "Arn": arn,
            "KeyState": "Enabled",
            "Enabled": True,
            "KeySpec": "SYMMETRIC_DEFAULT",
            "KeyUsage": "ENCRYPT_DECRYPT",
            "Description": "",
            "CreationDate": int(time.time()),
            "Origin": "AWS_KMS",
            "Tags": [],
            "Policy": json.dumps({"Version": "2012-10-17", "Statement": [{
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                "Action": "kms:*",
                "Resource": "*",
            }]}),
            "MultiRegion": False,
            "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
            "SigningAlgorithms": [],
            "_symmetric_key": os.urandom(32),
        })


def main():
    if os.getpgrp() != os.getpid():
        sys.exit("the launcher must lead a process group, or it would kill its starter's")
    threading.Thread(target=die_with_starter, daemon=True).start()
    let_aws_events_in()
    let_parameters_limit_concurrency()
    let_each_try_have_a_token_of_its_own()
    let_conditions_join_lists()
    let_keys_exist()
    own_roles.install()
    from ministack import app

    sys.argv = ["ministack"]
    app.main()


main()
