"""Lets each function call AWS under its own role, and counts what its role allowed and denied.

Started with AUTH=true, the emulator gives every function a session of its role and evaluates the role's policies
for each call. This module corrects two readings of IAM, answers for the RDS model, which is another server, and
counts. Only calls under a role's session count: the demo's own calls use the account's key, which is the root's.
"""

import json
import os
from collections import Counter

ACCOUNT = os.environ["MINISTACK_ACCOUNT_ID"]

# What this emulator answers, beside AWS's services.
COUNTS = "/_snapferry/iam"
DECIDE = "/_snapferry/iam/decide"

# How the names of people's roles begin.
PERSON = "person-"

# These name a token and no resource. IAM asks for them on the state machine.
CALLBACKS = {"SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat"}

evaluated = Counter()  # (role, action)
denied = Counter()  # (role, action, IAM's sentence)


def role_of(access_key):
    """The role whose session the key belongs to, or None for the root's key."""
    from ministack.core.iam_evaluator import _role_name_from_assumed_arn
    from ministack.services import sts

    session = sts._sessions.get(access_key)
    return _role_name_from_assumed_arn(session["Arn"]) if session else None


def count(role, action, sentence=None):
    evaluated[role, action] += 1
    if sentence:
        denied[role, action, sentence] += 1


def count_what_is_evaluated():
    """Counts each of the emulator's own decisions."""
    from ministack.core import iam_evaluator
    from ministack.core.iam_actions import identity_denial_message

    enforce = iam_evaluator.enforce

    def counted(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
        result = enforce(access_key_id, iam_action, service, region, resource_arn, service_context)
        role = role_of(access_key_id)
        if role is None:
            return result
        if result is None:
            count(role, iam_action)
        elif isinstance(result, iam_evaluator.AuthError):
            count(role, iam_action, result.message)
        elif result.resource_policy_arn:
            count(role, iam_action, f"the policy of {result.resource_policy_arn} denies {iam_action} to {result.principal_arn}")
        else:
            is_explicit = result.decision == "Deny"
            count(role, iam_action, identity_denial_message(iam_action, result.principal_arn, resource_arn, is_explicit))
        return result

    iam_evaluator.enforce = counted


def ask_for_callbacks_on_the_state_machine():
    """Names the state machine as the resource of SendTask*, as IAM does. The emulator names none."""
    from ministack.core import iam_actions
    from ministack.services import stepfunctions

    extract = iam_actions.extract_resource_arn

    def named(service, method, path, headers, *rest):
        arn = extract(service, method, path, headers, *rest)
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        if service == "states" and operation in CALLBACKS:
            # The stack has one machine. With more, nothing says whose the token is.
            machines = list(stepfunctions._state_machines)
            return machines[0] if len(machines) == 1 else arn
        return arn

    iam_actions.extract_resource_arn = named


def take_loopback_for_tls():
    """Says that every call came over TLS, since the templates deny all others. On loopback none does."""
    from ministack import app

    pin = app.pin_request_origin
    app.pin_request_origin = lambda source_ip, secure_transport: pin(source_ip, True)


def decide(question):
    """What IAM says to one call to another server: each of its checks must be allowed.

    A check has an action, a resource, the region and the condition keys that the call fills.
    """
    from ministack.core import iam_evaluator
    from ministack.core.iam_actions import identity_denial_message

    access_key = question["access_key"]
    principal = iam_evaluator.resolve_principal(access_key, ACCOUNT)
    if isinstance(principal, iam_evaluator.AuthError):
        return {"unknown": principal.message}
    if principal.policies is None:
        return {}
    role = role_of(access_key)
    sentences = {}
    for check in question["checks"]:
        keys = {name.lower(): value for name, value in check["keys"].items()}
        # A request without tags has no such key.
        keys.setdefault("aws:tagkeys", None)
        context = iam_evaluator.EvalContext(
            principal_arn=principal.arn,
            principal_type=principal.type,
            principal_account=principal.account,
            action=check["action"],
            resource_arn=check["resource"],
            region=check["region"],
            secure_transport=True,
            service_context=keys,
            principal_keys=principal.keys,
        )
        result = iam_evaluator.evaluate(context, principal.policies, *principal.limits)
        sentence = None
        if result.decision != "Allow":
            is_explicit = result.decision == "Deny"
            sentence = identity_denial_message(check["action"], principal.arn, check["resource"], is_explicit)
        # One call counts once for an action, on however many resources it was asked.
        sentences[check["action"]] = sentences.get(check["action"]) or sentence
    for action, sentence in sentences.items():
        count(role, action, sentence)
    first = next(filter(None, sentences.values()), None)
    return {"denied": first} if first else {}


def simulate(parameters):
    """SimulatePrincipalPolicy on every resource and with the given context, which the emulator leaves out."""
    from ministack.core import iam_evaluator
    from ministack.core.responses import get_region
    from ministack.services import iam

    def listed(name):
        values, nth = [], 1
        while value := iam._p(parameters, f"{name}.{nth}"):
            values.append(value)
            nth += 1
        return values

    arn = iam._p(parameters, "PolicySourceArn")
    name = arn.rpartition("/")[2]
    if iam._roles.get_scoped(ACCOUNT, None, name) is None:
        return iam._error(404, "NoSuchEntity", f"The role with name {name} cannot be found.")
    policies = iam_evaluator._gather_role_policies(name, ACCOUNT)
    names = enumerate(listed_names(parameters), start=1)
    keys = {key.lower(): listed(f"ContextEntries.member.{nth}.ContextKeyValues.member") for nth, key in names}
    keys = {key: values[0] if len(values) == 1 else values for key, values in keys.items()}

    def decision(action, resource):
        context = iam_evaluator.EvalContext(
            principal_arn=arn,
            principal_type="AssumedRole",
            principal_account=ACCOUNT,
            action=action,
            resource_arn=resource,
            region=keys.get("aws:requestedregion", get_region()),
            secure_transport=True,
            service_context=keys,
        )
        result = iam_evaluator.evaluate(context, policies)
        return {"Allow": "allowed", "Deny": "explicitDeny"}.get(result.decision, "implicitDeny")

    resources = listed("ResourceArns.member") or ["*"]
    members = []
    for action in listed("ActionNames.member"):
        verdicts = [(resource, decision(action, resource)) for resource in resources]
        each = "".join(
            f"<member><EvalResourceName>{resource}</EvalResourceName>"
            f"<EvalResourceDecision>{verdict}</EvalResourceDecision></member>"
            for resource, verdict in verdicts
        )
        whole = next((verdict for _, verdict in verdicts if verdict != "allowed"), "allowed")
        specific = f"<ResourceSpecificResults>{each}</ResourceSpecificResults>" if len(verdicts) > 1 else ""
        members.append(
            f"<member><EvalActionName>{action}</EvalActionName><EvalResourceName>{resources[0]}</EvalResourceName>"
            f"<EvalDecision>{whole}</EvalDecision>{specific}</member>"
        )
    results = f"<EvaluationResults>{''.join(members)}</EvaluationResults><IsTruncated>false</IsTruncated>"
    name = "SimulatePrincipalPolicy"
    return iam._xml(200, f"{name}Response", f"<{name}Result>{results}</{name}Result>")


def listed_names(parameters):
    """The context keys of a simulation, in the order of their numbers."""
    from ministack.services import iam

    nth = 1
    while key := iam._p(parameters, f"ContextEntries.member.{nth}.ContextKeyName"):
        yield key
        nth += 1


def simulate_as_iam_does():
    from ministack.services import iam

    iam._IAM_HANDLERS["SimulatePrincipalPolicy"] = simulate


def roles_of_functions():
    """The stacks' roles that functions run under: their logical ids, and what they are allowed."""
    from ministack.core import iam_evaluator
    from ministack.services import cloudformation, iam

    for stack in cloudformation._stacks.values():
        for logical_id, resource in stack.get("_resources", {}).items():
            if resource.get("ResourceType") != "AWS::IAM::Role":
                continue
            name = resource["PhysicalResourceId"]
            role = iam._roles.get_scoped(ACCOUNT, None, name)
            if role is None or "lambda.amazonaws.com" not in role["AssumeRolePolicyDocument"]:
                continue
            statements = [one for document in role["InlinePolicies"].values()
                          for one in iam_evaluator.parse_policy_document(document)]
            allowed = {action for one in statements if one.effect == "Allow" for action in one.actions}
            yield name, logical_id, sorted(allowed)


def roles_of_people():
    """The roles of people that called, and what they are allowed. A local world names them so."""
    from ministack.core import iam_evaluator

    for name in sorted({name for name, _ in evaluated if (name or "").startswith(PERSON)}):
        policies = iam_evaluator._gather_role_policies(name, ACCOUNT)
        allowed = {action for policy in policies for one in policy if one.effect == "Allow" for action in one.actions}
        yield name, name.removeprefix(PERSON), sorted(allowed)


def counts():
    """What each function's and each person's role allows, and what it was asked."""
    return [
        {
            "role": logical_id,
            "granted": granted,
            "evaluated": {action: times for (role, action), times in evaluated.items() if role == name},
            "denied": [
                {"action": action, "sentence": sentence, "times": times}
                for (role, action, sentence), times in denied.items() if role == name
            ],
        }
        for name, logical_id, granted in [*roles_of_functions(), *roles_of_people()]
    ]


def answer_for_iam():
    """Answers at the paths above, before the emulator looks for a service."""
    from ministack import app

    shortcuts = app._handle_post_body_shortcuts

    async def answered(method, path, headers, body, *rest):
        if path == COUNTS:
            said = counts()
        elif path == DECIDE:
            said = decide(json.loads(body))
        else:
            return await shortcuts(method, path, headers, body, *rest)
        return 200, {"Content-Type": "application/json"}, json.dumps(said).encode()

    app._handle_post_body_shortcuts = answered


def install():
    count_what_is_evaluated()
    ask_for_callbacks_on_the_state_machine()
    take_loopback_for_tls()
    answer_for_iam()
    simulate_as_iam_does()
