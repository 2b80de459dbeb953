// SPDX-License-Identifier: Apache-2.0
// The scenarios' harness with a server that is none: it takes every call and answers nothing, so that a story gets as far as
// naming its parts.
export * from '../scenario/harness.mjs';

const nothing = new Proxy(function () {}, {
	get(_, name) {
		if (name === 'then')
			return undefined;	// nobody waits for it
		if (name === Symbol.toPrimitive)
			return () => '';
		if (name === Symbol.iterator)
			return () => Array(8).fill(nothing)[Symbol.iterator]();	// as many as anybody takes apart
		return nothing;
	},
	set: () => true,
	apply: () => nothing,
	construct: () => nothing,
});

export const withServer = async (story) => { await story(nothing); };
