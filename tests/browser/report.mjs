// Counts what held and what did not, one line a check.

let passed = 0;
let failed = 0;

/** Prints one check; `detail` is shown where it does not hold. */
export function check(name, holds, detail = "") {
  if (holds) {
    passed += 1;
    console.log(`ok    ${name}`);
  } else {
    failed += 1;
    console.log(`FAIL  ${name}${detail ? `\n      ${String(detail).replaceAll("\n", "\n      ")}` : ""}`);
  }
}

/** Runs `step`; an exception is a check that did not hold, and the walk goes on. */
export async function step(name, action) {
  try {
    return await action();
  } catch (fault) {
    check(name, false, fault.message);
    return undefined;
  }
}

/** Prints the sum and says whether everything held. */
export function sum() {
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0;
}
