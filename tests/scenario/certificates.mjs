// SPDX-License-Identifier: Apache-2.0
// Certificates for tests, made by OpenSSL's command.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class Certificates {
	constructor() {
		this.folder = mkdtempSync(join(tmpdir(), 'certificates-'));
	}

	openssl(...args) {
		return execFileSync('openssl', args, { cwd: this.folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
	}

	path(name) {
		return join(this.folder, name);
	}

	text(name) {
		return readFileSync(this.path(name), 'utf8');
	}

	concat(name, parts) {
		writeFileSync(this.path(name), parts.map((part) => this.text(part)).join(''));
	}

	// NAME.pem and NAME.key, for localhost, which vouches for itself.  ${days}: as openssl takes it; may be in the past.
	make(name, { days = '2', more = [] } = {}) {
		this.openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.pem`, '-days', days, '-subj', `/CN=${name}`,
			'-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', ...more);
		return { certificate: this.path(`${name}.pem`), key: this.path(`${name}.key`) };
	}

	// One that has ended: openssl's req knows no beginning in the past, its ca does.
	makeEnded(name) {
		this.make(name);
		this.openssl('req', '-new', '-key', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
		writeFileSync(this.path('ca.cnf'), '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n');
		writeFileSync(this.path('index.txt'), '');
		writeFileSync(this.path('serial'), '01\n');
		this.openssl('ca', '-batch', '-selfsign', '-config', 'ca.cnf', '-keyfile', `${name}.key`, '-in', `${name}.csr`, '-out', `${name}.pem`, '-startdate', '20200101000000Z', '-enddate', '20200201000000Z');
		return { certificate: this.path(`${name}.pem`), key: this.path(`${name}.key`) };
	}

	remove() {
		rmSync(this.folder, { recursive: true, force: true });
	}
}

export async function withCertificates(story) {
	const certificates = new Certificates();
	try {
		await story(certificates);
	} finally {
		certificates.remove();
	}
}
