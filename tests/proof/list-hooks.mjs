// SPDX-License-Identifier: Apache-2.0
// A loader under which a test file can be imported without running: its `node:test` only takes titles down, and its harness
// starts no server.  For node --experimental-loader, which every Node since 18 has.
const here = new URL('.', import.meta.url).href;

export async function resolve(specifier, context, next) {
	if (specifier === 'node:test')
		return { url: `${here}list-node-test.mjs`, shortCircuit: true };
	const found = await next(specifier, context);
	if (found.url.endsWith('/tests/scenario/harness.mjs') && !context.parentURL?.startsWith(here))
		return { url: `${here}list-harness.mjs`, shortCircuit: true };
	return found;
}
