// SPDX-License-Identifier: Apache-2.0
// The walkthrough that is published for the Ingestion API, with curl and openssl as it has them: a key and a certificate, a JWT made
// on the command line, a core token for it, a tenant token for that, then jobs, streaming and a query.  Only the host is another.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { program, withServer } from '../scenario/harness.mjs';

const walkthrough = String.raw`
set -euo pipefail
# A key, its certificate, and a connected app that has it.
openssl req -x509 -sha256 -nodes -days 2 -newkey rsa:2048 -keyout server.key -out server.crt -subj /CN=walkthrough 2>/dev/null
"$SLUICE" app create walkthrough --data "$DATA" --certificate server.crt --user ann@example.com > app.txt
CLIENT_ID=$(sed -n 's/^client_id=//p' app.txt)

# The JWT: header, claims, signature.
b64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
header=$(printf '{"alg":"RS256"}' | b64url)
claims=$(printf '{"iss":"%s","sub":"ann@example.com","aud":"https://login.salesforce.com","exp":"%s"}' "$CLIENT_ID" $(($(date +%s) + 180)) | sed 's/"exp":"\([0-9]*\)"/"exp":\1/' | b64url)
signature=$(printf '%s.%s' "$header" "$claims" | openssl dgst -sha256 -sign server.key -binary | b64url)

# A core token for it.
curl -sS --fail-with-body --location --request POST "$LOGIN/services/oauth2/token" \
  --header 'Content-Type: application/x-www-form-urlencoded' \
  --data-urlencode 'grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer' \
  --data-urlencode "assertion=$header.$claims.$signature" > core.json
CORE=$(sed 's/.*"access_token":"\([^"]*\)".*/\1/' core.json)
INSTANCE=$(sed 's/.*"instance_url":"\([^"]*\)".*/\1/' core.json)

# A tenant token for the core token.
curl -sS --fail-with-body --location --request POST "$INSTANCE/services/a360/token" \
  --header 'Content-Type: application/x-www-form-urlencoded' \
  --data-urlencode 'grant_type=urn:salesforce:grant-type:external:cdp' \
  --data-urlencode "subject_token=$CORE" \
  --data-urlencode 'subject_token_type=urn:ietf:params:oauth:token-type:access_token' > tenant.json
TOKEN=$(sed 's/.*"access_token":"\([^"]*\)".*/\1/' tenant.json)
TENANT=$(sed 's/.*"instance_url":"\([^"]*\)".*/\1/' tenant.json)

# A bulk job.
curl -sS --fail-with-body --location --request POST "$TENANT/api/v1/ingest/jobs" \
  --header "Authorization: Bearer $TOKEN" --header 'Content-Type: application/json' \
  --data-raw '{"object":"things","sourceName":"shop","operation":"upsert"}' > job.json
ID=$(sed 's/.*"id":"\([^"]*\)".*/\1/' job.json)
printf 'id,n\nbulk,1\n' > part.csv
curl -sS --fail-with-body --location --request PUT "$TENANT/api/v1/ingest/jobs/$ID/batches" \
  --header "Authorization: Bearer $TOKEN" --header 'Content-Type: text/csv' --data-binary @part.csv
curl -sS --fail-with-body --location --request PATCH "$TENANT/api/v1/ingest/jobs/$ID" \
  --header "Authorization: Bearer $TOKEN" --header 'Content-Type: application/json' --data-raw '{"state":"UploadComplete"}' > closed.json
curl -sS --fail-with-body --location "$TENANT/api/v1/ingest/jobs/$ID?wait=60" --header "Authorization: Bearer $TOKEN" > end.json
grep -q '"state":"JobComplete"' end.json

# Streaming, checked first.
for action in /actions/test ''; do
  curl -sS --fail-with-body --location --request POST "$TENANT/api/v1/ingest/sources/shop/things$action" \
    --header "Authorization: Bearer $TOKEN" --header 'Content-Type: application/json' --data-raw '{"data":[{"id":"streamed","n":2}]}'
done
`;

test('the published walkthrough runs, command by command', () => withServer(async (s) => {
	const folder = mkdtempSync(join(tmpdir(), 'curl-'));
	try {
		await s.setUpThings({ id: 'string', n: 'number' });
		const { status, stdout, stderr } = spawnSync('bash', ['-c', walkthrough], { cwd: folder, encoding: 'utf8', env: {
			...process.env, SLUICE: program, DATA: s.data, LOGIN: s.url.replace('127.0.0.1', 'localhost'), CURL_CA_BUNDLE: join(s.data, 'tls/ca.pem'),
		} });
		assert.equal(status, 0, stdout + stderr);
		assert.equal(stdout, '{"accepted":true}'.repeat(3));
		const { streaming } = (await s.must(200, 'GET', '/api/v1/connectors/shop/streams/things?wait=60')).json;
		assert.equal(streaming.appliedPosition, streaming.acceptedPosition);
		assert.deepEqual(await s.sql('select id, n::int from shop.things order by id'), [['bulk', 1], ['streamed', 2]]);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}, { args: ['--tls-self-signed'] }));
