export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** One plain page in the local tools' common look; `body` is trusted HTML. */
export function page(title: string, body: string, { refreshSeconds }: { refreshSeconds?: number } = {}): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
${refreshSeconds ? `<meta http-equiv="refresh" content="${refreshSeconds}">` : ''}<title>${escapeHtml(title)}</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#222;background:#f6f6f4}
h1 small{font-size:.9rem;font-weight:normal;color:#666;display:block}a{color:#0b57d0}
article{background:#fff;border-radius:.6rem;padding:.6rem 1rem;margin:.6rem 0;box-shadow:0 1px 2px #0002}
article p{white-space:pre-wrap;margin:.4rem 0}time,footer{color:#777;font-size:.85rem}footer b{color:#34b7f1}
table{width:100%;border-collapse:collapse;background:#fff}td,th{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #eee}
pre{white-space:pre-wrap;background:#fff;padding:1rem}iframe{width:100%;height:28rem;border:1px solid #ddd;background:#fff}
</style>${body}</html>`;
}
