// SPDX-License-Identifier: Apache-2.0
// A node:test that takes titles down and runs nothing, but for the body of a test that has tests of its own (t.test): that is
// run for their titles.
let found = [];
let running = [];

function take(parents, args, isSkipped = false) {
	const title = args.find((a) => typeof a === 'string');
	const options = args.find((a) => typeof a === 'object' && a !== null) ?? {};
	const body = args.find((a) => typeof a === 'function');
	found.push({ title, parents, isSkipped: isSkipped || Boolean(options.skip || options.todo) });
	if (body && /\bt\.test\(/.test(String(body)))
		return Promise.resolve(body({ ...t, test: (...inner) => take([...parents, title], inner) }));
	return Promise.resolve();
}

const t = { diagnostic() {}, skip() {}, todo() {}, before() {}, after() {}, beforeEach() {}, afterEach() {}, signal: undefined };

export default function test(...args) {
	running.push(take([], args));
}
const takeSkipped = (...args) => { running.push(take([], args, true)); };
Object.assign(test, { skip: takeSkipped, todo: takeSkipped, only: test });
export { test };
export const it = test;
export const describe = (title, ...rest) => rest.at(-1)();
export const suite = describe;
export const before = () => {}, after = before, beforeEach = before, afterEach = before;
Object.assign(test, { test, it: test, before, after, beforeEach, afterEach });

// The tests of the file at ${url}: [{ title, parents, isSkipped }].
export async function listTests(url) {
	found = [];
	running = [];
	await import(url);
	await Promise.all(running);
	return found;
}
