// One column of tables with inline styles, since many mail clients drop <style>; what is in <style> only adds
// (dark mode, narrow screens). Dark colours are given twice: for clients that follow the system, and for Outlook's own way.
export const emailLayout = `<!doctype html>
<html lang="{{lang}}" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="x-apple-disable-message-reformatting">
<meta name="format-detection" content="telephone=no, date=no, address=no, email=no, url=no">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{{subject}}</title>
<style>
:root { color-scheme: light dark; supported-color-schemes: light dark; }
@media (max-width: 480px) {
  .outer { padding: 0 !important; }
  .card { border-radius: 0 !important; border-left: 0 !important; border-right: 0 !important; }
  .pad { padding-left: 20px !important; padding-right: 20px !important; }
}
@media (prefers-color-scheme: dark) {
  .page { background-color: #111827 !important; }
  .card { background-color: #1f2937 !important; border-color: #374151 !important; }
  .ink { color: #f3f4f6 !important; }
  .soft { color: #c3c9d4 !important; }
  .line { border-color: #4b5563 !important; }
  .bar { background-color: {{urgency.accentDark}} !important; }
  .tag { color: {{urgency.accentDark}} !important; }
}
[data-ogsc] .ink { color: #f3f4f6 !important; }
[data-ogsc] .soft { color: #c3c9d4 !important; }
[data-ogsc] .tag { color: {{urgency.accentDark}} !important; }
[data-ogsb] .page { background-color: #111827 !important; }
[data-ogsb] .card { background-color: #1f2937 !important; }
</style>
</head>
<body class="page" style="margin:0;padding:0;width:100%;background-color:#f3f4f6;-webkit-text-size-adjust:100%;-ms-text-size-adjust:100%">
<div style="display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;mso-hide:all" aria-hidden="true">{{summary}}&#847;&zwnj;&nbsp;&#847;&zwnj;&nbsp;&#847;&zwnj;&nbsp;&#847;&zwnj;&nbsp;&#847;&zwnj;&nbsp;&#847;&zwnj;&nbsp;&#847;&zwnj;&nbsp;&#847;&zwnj;&nbsp;</div>
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0" bgcolor="#f3f4f6" style="background-color:#f3f4f6">
<tr>
<td class="outer" align="center" style="padding:32px 16px">
<!--[if mso]><table role="presentation" width="600" cellpadding="0" cellspacing="0" border="0"><tr><td><![endif]-->
<table role="presentation" class="card" width="100%" cellpadding="0" cellspacing="0" border="0" bgcolor="#ffffff" style="max-width:600px;background-color:#ffffff;border:1px solid #e5e7eb;border-radius:8px;border-collapse:separate;overflow:hidden">
<tr><td class="bar" height="6" bgcolor="{{urgency.accent}}" style="height:6px;line-height:6px;font-size:0;background-color:{{urgency.accent}}">&nbsp;</td></tr>
<tr>
<td class="pad" style="padding:24px 32px 20px;font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif">
<p class="soft" style="margin:0;font-size:14px;line-height:20px;color:#4b5563;overflow-wrap:anywhere">{{sender}}</p>
</td>
</tr>
<tr>
<td class="pad ink" style="padding:0 32px 16px;font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:16px;line-height:24px;color:#111827;overflow-wrap:anywhere">
{{> @partial-block}}
</td>
</tr>
<tr>
<td class="pad" style="padding:0 32px 24px;font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif">
{{> footer}}
</td>
</tr>
</table>
<!--[if mso]></td></tr></table><![endif]-->
</td>
</tr>
</table>
</body>
</html>
`;

/** Small parts with their inline styles, so that bodies read as text. */
export const emailParts: Record<string, string> = {
  tag: `<p class="tag" style="margin:0 0 4px;font-size:13px;line-height:18px;font-weight:700;letter-spacing:.04em;text-transform:uppercase;color:{{urgency.accent}}">{{> @partial-block}}</p>`,
  title: `<h1 class="ink" style="margin:0 0 20px;font-size:24px;line-height:30px;font-weight:700;color:#111827">{{> @partial-block}}</h1>`,
  p: `<p class="ink" style="margin:0 0 16px;color:#111827">{{> @partial-block}}</p>`,
  li: `<li class="ink" style="margin:0 0 4px;color:#111827">{{> @partial-block}}</li>`,
  list: `<ul style="margin:0 0 16px;padding:0 0 0 20px">
{{> @partial-block}}</ul>
`,
  row: `<tr>
<th class="soft line" scope="row" align="left" valign="top" style="padding:10px 12px 10px 0;border-bottom:1px solid #e5e7eb;font-size:14px;line-height:24px;font-weight:400;text-align:left;color:#4b5563;width:34%">{{label}}</th>
<td class="ink line" valign="top" style="padding:10px 0;border-bottom:1px solid #e5e7eb;font-size:16px;line-height:24px;font-weight:600;color:#111827;overflow-wrap:anywhere">{{> @partial-block}}</td>
</tr>
`,
  entry: `<tr>
<th class="ink line" scope="row" align="left" valign="top" style="padding:10px 12px 10px 0;border-bottom:1px solid #e5e7eb;font-size:16px;line-height:22px;font-weight:600;text-align:left;color:#111827;overflow-wrap:anywhere">{{name}}<br><span class="soft" style="font-size:14px;font-weight:400;color:#4b5563">{{code}}</span></th>
<td class="ink line" valign="top" style="padding:10px 0;border-bottom:1px solid #e5e7eb;font-size:15px;line-height:22px;color:#111827;width:45%">{{> moment}}</td>
</tr>
`,
  moment: `{{#if day}}{{day}}<br>{{/if}}{{hour}}`,
  table: `<table width="100%" cellpadding="0" cellspacing="0" border="0" class="line" style="margin:0 0 20px;border-collapse:collapse;border-top:1px solid #e5e7eb;table-layout:fixed">
{{> @partial-block}}</table>
`,
};
