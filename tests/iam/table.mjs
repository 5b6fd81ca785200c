// Lets an IAM simulator answer the table that tests/deployment/iam_table.rs writes: what must be allowed is allowed,
// what must be denied is denied, and no part of a role's policy could be left out.
//
// The simulator is AGPL-3.0 and no part of Snapferry: it is installed and run here as a program of its own.

import { readFileSync } from "node:fs";
import { runSimulation } from "@cloud-copilot/iam-simulate";

const { account, deployments } = JSON.parse(readFileSync(process.argv[2], "utf8"));

// AWS's own data list no resource for these actions, and AWS's refusals name the state machine. docs/UNPROVEN.md has it.
const IS_UNDECIDED = /^states:SendTask/;

const everything = { Effect: "Allow", Action: "*", Resource: "*" };
const policyOf = (statements) => ({ Version: "2012-10-17", Statement: statements });

// Says what a role may do, if its policy has these statements.
async function ask(row, statements) {
  const principal = `arn:aws:iam::${account}:role/${row.role}`;
  const owner = row.resource.split(":")[4] || account;
  const isKey = row.action.startsWith("kms:");
  // A key's policy that leaves the decision to the callers' accounts, as KMS writes it for a new key.
  const named = row.key_policy_names ?? [`arn:aws:iam::${account}:root`];
  const keyPolicy = policyOf([{ Effect: "Allow", Principal: { AWS: named }, Action: "kms:*", Resource: "*" }]);
  const answer = await runSimulation(
    {
      identityPolicies: [{ name: row.role, policy: policyOf(statements) }],
      serviceControlPolicies: [{ orgIdentifier: "o", policies: [{ name: "all", policy: policyOf([everything]) }] }],
      resourceControlPolicies: [],
      ...(isKey ? { resourcePolicy: keyPolicy } : {}),
      request: {
        action: row.action,
        principal,
        resource: { resource: row.resource, accountId: owner },
        contextVariables: row.context,
      },
    },
    { simulationMode: "Strict" },
  );
  if (answer.resultType === "error") return `error: ${JSON.stringify(answer.errors)}`;
  return answer.overallResult;
}

const faults = [];
const counts = { allowed: 0, denied: 0, undecided: 0, needed: 0 };
const words = ({ role, action, resource, context }) => `${role} ${action} on ${resource} with ${JSON.stringify(context)}`;

// The parts of a policy that could be left out one by one: each action and each resource of a statement.
function* partsOf(statements) {
  for (const [nth, statement] of statements.entries()) {
    const isUndecided = [statement.Action].flat().every((action) => IS_UNDECIDED.test(action));
    if (statement.Effect !== "Allow" || isUndecided) continue;
    for (const member of ["Action", "Resource"]) {
      const all = [statement[member]].flat();
      for (const part of all) {
        const rest = all.filter((one) => one !== part);
        const less = rest.length ? [{ ...statement, [member]: rest }] : [];
        yield { sid: statement.Sid, part, statements: [...statements.slice(0, nth), ...less, ...statements.slice(nth + 1)] };
      }
    }
  }
}

// A part is needed if a row of some deployment is no longer allowed without it.
const parts = new Map();
for (const { roles, allowed, denied } of deployments) {
  for (const row of allowed) {
    const said = await ask(row, roles[row.role]);
    if (IS_UNDECIDED.test(row.action)) counts.undecided += 1;
    else if (said === "Allowed") counts.allowed += 1;
    else faults.push(`must be allowed: ${words(row)}: ${said}`);
  }
  for (const row of denied) {
    const said = await ask(row, roles[row.role]);
    if (said.endsWith("Denied")) counts.denied += 1;
    else faults.push(`must be denied: ${words(row)}: ${said}`);
  }
  for (const [role, statements] of Object.entries(roles)) {
    const rows = allowed.filter((row) => row.role === role && !IS_UNDECIDED.test(row.action));
    for (const { sid, part, statements: less } of partsOf(statements)) {
      const name = `${role} ${sid}: ${part}`;
      if (parts.get(name)) continue;
      let isNeeded = false;
      for (const row of rows) {
        isNeeded = (await ask(row, less)) !== "Allowed";
        if (isNeeded) break;
      }
      parts.set(name, isNeeded);
    }
  }
}
for (const [name, isNeeded] of parts) {
  if (isNeeded) counts.needed += 1;
  else faults.push(`no row needs this part of a policy: ${name}`);
}
console.log(
  `IAM, by a simulator: ${counts.allowed} questions allowed, ${counts.denied} denied, ${counts.undecided} left to AWS ` +
    `(SendTask*); ${counts.needed} parts of policies, each needed`,
);
for (const fault of faults) console.error(fault);
process.exit(faults.length ? 1 : 0);
