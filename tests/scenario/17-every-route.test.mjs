// SPDX-License-Identifier: Apache-2.0
// Errors come in one form, whatever the route: walk.mjs goes over all that routes.def has, and holds every refusal against the
// envelope of the hosted service.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { rootFolder, withServer } from './harness.mjs';
import { names, patterns, routes, sources, walk, walkWithoutControls, World } from './walk.mjs';

// What the walk does not meet, and the test that does: [file, title].
const elsewhere = {
	304: ['tests/scenario/19-openapi.test.mjs', 'who has the document already is told so'],
	408: ['tests/scenario/10-query.test.mjs', 'a query that runs too long is ended with 408, and jobs land meanwhile'],
	429: ['tests/scenario/21-hosted.test.mjs', 'five jobs are open or running at once: the sixth is 429 with Retry-After'],
	500: ['tests/unit/http_refusal_test.c', 'an_error_comes_in_the_wires_envelope'],
	503: ['tests/unit/http_refusal_test.c', 'a_lane_that_is_full_says_503'],
	505: ['tests/unit/http_refusal_test.c', 'what_the_library_refuses_comes_in_the_envelope_too'],
};

test('every route', (t) => withServer(async (s) => {
	assert.ok(routes.length >= 24 && patterns.length >= 15, 'routes.def was read');
	const world = await World.make(s);
	for (const [title, story] of Object.entries(walk))
		await t.test(title, () => story(world));

	await t.test('every status that the source can answer is met in the walk, or in a named test', () => {
		const source = sources('src/http') + sources('src/api');
		const answered = new Set([...source.matchAll(/\brespond(?:_\w+)?\(\s*\w+,\s*([^,;"]*\d{3}[^,;"]*),/g)].flatMap(([, status]) => status.match(/\b[2-5]\d\d\b/g))
			.concat([...source.matchAll(/respond_empty\(\s*\w+,\s*(\d{3})\)/g)].map(([, status]) => status))
			.concat([...sources('src/http').matchAll(/\bcase ([45]\d\d):/g)].map(([, status]) => status)));
		assert.ok(answered.size >= 15, [...answered].join());
		const met = new Set(world.seen.map(({ answer }) => String(answer.status)));
		assert.deepEqual([...answered].filter((status) => !met.has(status) && !elsewhere[status]).sort(), []);
		assert.deepEqual([...answered, ...met].filter((status) => !names[status]), [], 'each has a name in respond.c');
		for (const [status, [file, title]] of Object.entries(elsewhere)) {
			assert.ok(!met.has(status), `${status} is met in the walk`);
			const text = readFileSync(join(rootFolder, file), 'utf8');
			assert.ok(text.includes(title) && text.includes(status), `${file}: "${title}" is to meet ${status}`);
		}
	});
}, { args: ['--idle-timeout', '20', '--test-controls', 'on'] }));

test('without --test-controls their routes are 404, to those who may use them', () => withServer(async (s) => walkWithoutControls(await World.make(s))));
