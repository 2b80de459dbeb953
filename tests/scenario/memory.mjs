// SPDX-License-Identifier: Apache-2.0
// The resident memory of a process and its peak, as Linux counts them.
import { readFileSync, writeFileSync } from 'node:fs';

function statusKb(pid, name) {
	return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
}

export const residentKb = (pid) => statusKb(pid, 'VmRSS');
export const residentPeakKb = (pid) => statusKb(pid, 'VmHWM');

// From here on the peak counts anew (5: proc(5), clear_refs).
export function resetResidentPeak(pid) {
	writeFileSync(`/proc/${pid}/clear_refs`, '5');
}
