import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { ReadStream } from 'node:fs';

/** The page behind `/docs`: no data in it. It asks for a token (or takes it from `#token=…`) and reads `/openapi.json` with it. */
export const docsPage = (title: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Rappel: ${title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><form id="ask"><label>API token <input id="token" type="password" autocomplete="off" size="60"></label> <button>Open</button> <output id="problem"></output></form>
<div id="page"></div><script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/open.js"></script></body></html>`;

export const docsScript = `
const form = document.getElementById('ask');
const open = async (token) => {
  const answer = await fetch('/openapi.json', { headers: { authorization: 'Bearer ' + token } });
  if (!answer.ok) { document.getElementById('problem').textContent = 'this token is not accepted'; return; }
  sessionStorage.setItem('rappel-token', token);
  form.hidden = true;
  const ui = SwaggerUIBundle({ spec: await answer.json(), dom_id: '#page', validatorUrl: null, onComplete: () => ui.preauthorizeApiKey('token', token) });
};
form.addEventListener('submit', (event) => { event.preventDefault(); open(document.getElementById('token').value.trim()); });
const given = new URLSearchParams(location.hash.slice(1)).get('token') || sessionStorage.getItem('rappel-token');
if (given) { history.replaceState(null, '', location.pathname); open(given); }
`;

/** Swagger UI styles its parts inline. */
export const docsPolicy = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** A file of Swagger UI, or `undefined` where the package was not shipped. */
export function docsAsset(name: 'swagger-ui.css' | 'swagger-ui-bundle.js'): ReadStream | undefined {
  try {
    return createReadStream(join(dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json')), name));
  } catch {
    return undefined;
  }
}
