// The OpenID Connect provider of the tests: oidc-provider on a free port of loopback, with a plain login form.
//
// Reads one line of JSON: {accounts: {login: {password, claims}}}. Writes one line of JSON: {issuer}.
// POST /accounts/LOGIN changes the claims of an account, as its administrator would.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

import Provider, { interactionPolicy } from 'oidc-provider';

const API = 'https://api.strongroom.test';
const scopes = 'openid profile email';

const line = await new Promise((resolve) => createInterface({ input: process.stdin }).once('line', resolve));
const { accounts } = JSON.parse(line);
process.stdin.on('end', () => process.exit()); // with the tests that started it

const key = (type, options, alg) => ({ ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), alg, use: 'sig' });
const client = (id, more) => ({
  client_id: id,
  client_secret: `${id}-secret`,
  token_endpoint_auth_method: 'client_secret_post',
  redirect_uris: [],
  response_types: [],
  ...more,
});

// The client is the house's own: nobody is asked for consent.
const policy = interactionPolicy.base();
policy.get('consent').checks.remove('native_client_prompt');

const server = createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  jwks: { keys: [key('rsa', { modulusLength: 2048 }, 'RS256'), key('ec', { namedCurve: 'P-256' }, 'ES256')] },
  clients: [
    client('strongroom', {
      application_type: 'native', // on loopback any port will do
      grant_types: ['authorization_code'],
      response_types: ['code'],
      redirect_uris: ['http://localhost/oidc/callback'],
      post_logout_redirect_uris: ['http://localhost/sign-in'],
    }),
    client('machine', { grant_types: ['client_credentials'], token_endpoint_auth_method: 'client_secret_basic' }),
  ],
  claims: {
    openid: ['sub'],
    profile: ['preferred_username', 'org', 'realm_access'],
    email: ['email', 'email_verified'],
  },
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (ctx, resource) => ({ scope: 'read', audience: resource, accessTokenFormat: 'jwt', accessTokenTTL: 600 }),
      useGrantedResource: () => true,
    },
  },
  ttl: { AccessToken: 600, ClientCredentials: 600, Grant: 3600, IdToken: 600, Interaction: 600, Session: 3600 },
  cookies: { keys: ['only for tests'] },
  findAccount: (ctx, login) => accounts[login] && { accountId: login, claims: () => ({ sub: login, ...accounts[login].claims }) },
  extraTokenClaims: (ctx, token) => (accounts[token.accountId ?? token.clientId] ?? {}).claims,
  interactions: { policy, url: (ctx, interaction) => `/login/${interaction.uid}` },
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope(scopes);
    grant.addResourceScope(API, 'read');
    await grant.save();
    return grant;
  },
});

const read = async (ctx) => {
  let body = '';
  for await (const chunk of ctx.req) body += chunk;
  return body;
};

provider.use(async (ctx, next) => {
  const [, place, name] = ctx.path.split('/');
  if (place === 'accounts' && ctx.method === 'POST') {
    accounts[name].claims = JSON.parse(await read(ctx));
    ctx.status = 204;
  } else if (place === 'login' && ctx.method === 'GET') {    ctx.type = 'html';
    ctx.body = `<!doctype html><title>Provider</title><form method="post"><input name="login"><input name="password" type="password">
      <button>Enter</button><button name="abort" value="yes">Abort</button></form>`;
  } else if (place === 'login') {
    const form = new URLSearchParams(await read(ctx));
    const account = accounts[form.get('login')];
    const refused = form.has('abort') || account?.password !== form.get('password');
    const result = refused ? { error: 'access_denied', error_description: 'No' } : { login: { accountId: form.get('login') } };
    await provider.interactionFinished(ctx.req, ctx.res, result);
    ctx.respond = false;
  } else {
    await next();
  }
});

server.on('request', provider.callback());
console.log(JSON.stringify({ issuer }));
