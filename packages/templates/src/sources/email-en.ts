export const emailEn: Record<string, string> = {
  'footer.html': `<p class="soft line" style="margin:0;padding:16px 0 0;border-top:1px solid #e5e7eb;font-size:13px;line-height:20px;color:#4b5563;overflow-wrap:anywhere">
{{#if contact}}
Contact: {{contact}}<br>
{{/if}}
This automatic message is about your equipment loan.
{{#if unsubscribeUrl}}
<br><a class="soft" href="{{unsubscribeUrl}}" style="color:#4b5563;text-decoration:underline">Stop these reminders</a>
{{/if}}
</p>
`,
  'footer.text': `
--
{{sender}}
{{#if contact}}
Contact: {{contact}}
{{/if}}
This automatic message is about your equipment loan.
{{#if unsubscribeUrl}}
Stop these reminders: {{unsubscribeUrl}}
{{/if}}
`,
  'items.html': `{{#if many}}
{{#> table}}
{{#each items}}
{{> entry}}
{{/each}}
{{/table}}
{{#if more}}
{{#> p}}… and {{more}} more{{/p}}
{{/if}}
{{else}}
{{#> table}}
{{#> row label="Item"}}{{item.name}}{{/row}}
{{#> row label="Reference"}}{{item.code}}{{/row}}
{{#if isReturned}}
{{#> row label="Returned"}}{{> moment item}}{{/row}}
{{#> row label="Duration"}}{{durationText}}{{/row}}
{{else}}
{{#if item.late}}
{{#> row label="Expected back"}}{{> moment item}}{{/row}}
{{else}}
{{#> row label="Due back"}}{{> moment item}}{{/row}}
{{/if}}
{{/if}}
{{/table}}
{{/if}}
`,
  'items.text': `{{#if many}}
{{#each items}}
- {{name}} ({{code}})
  {{when}}
{{/each}}
{{#if more}}
- … and {{more}} more
{{/if}}
{{else}}
Item: {{item.name}}
Reference: {{item.code}}
{{#if isReturned}}
Returned: {{item.when}}
Duration: {{durationText}}
{{else}}
{{#if item.late}}Expected back{{else}}Due back{{/if}}: {{item.when}}
{{/if}}
{{/if}}
`,
  'CREATION.subject': `✅ {{#if many}}Loans confirmed{{else}}Loan confirmed{{/if}}: {{what}}`,
  'CREATION.html': `{{#> layout}}
{{#> tag}}Confirmed{{/tag}}
{{#> title}}{{#if many}}Your loans are confirmed{{else}}Your loan is confirmed{{/if}}{{/title}}
{{#> p}}Hello {{fullName}},{{/p}}
{{#> p}}Your loan request has been confirmed. You can collect {{#if many}}the items{{else}}the item{{/if}} at the pick-up point.{{/p}}
{{> items}}
{{#> p}}Please bring {{#if many}}them{{else}}it{{/if}} back to the return point on the date shown.{{/p}}
{{#> p}}If you have any questions, contact us.{{/p}}
{{/layout}}
`,
  'CREATION.text': `{{#if many}}Your loans are confirmed{{else}}Your loan is confirmed{{/if}}

Hello {{fullName}},

Your loan request has been confirmed. You can collect {{#if many}}the items{{else}}the item{{/if}} at the pick-up point.

{{> items}}

Please bring {{#if many}}them{{else}}it{{/if}} back to the return point on the date shown.

If you have any questions, contact us.
{{> footer}}
`,
  'RAPPEL_2H.subject': `⏰ Return in {{timeLeft}}: {{what}}`,
  'RAPPEL_2H.html': `{{#> layout}}
{{#> tag}}Reminder{{/tag}}
{{#> title}}Due back in {{timeLeft}}{{/title}}
{{#> p}}Hello {{fullName}},{{/p}}
{{#> p}}{{#if many}}The following {{count}} items are{{else}}The following item is{{/if}} due back in {{timeLeft}}.{{/p}}
{{> items}}
{{#> p}}{{#if many}}Check that they are in good condition, then bring them to the return point.{{else}}Check that it is in good condition, then bring it to the return point.{{/if}}{{/p}}
{{/layout}}
`,
  'RAPPEL_2H.text': `Due back in {{timeLeft}}

Hello {{fullName}},

{{#if many}}The following {{count}} items are{{else}}The following item is{{/if}} due back in {{timeLeft}}.

{{> items}}

{{#if many}}Check that they are in good condition, then bring them to the return point.{{else}}Check that it is in good condition, then bring it to the return point.{{/if}}
{{> footer}}
`,
  'RAPPEL_J2.subject': `📋 Return {{dueIn}}: {{what}}`,
  'RAPPEL_J2.html': `{{#> layout}}
{{#> tag}}Reminder{{/tag}}
{{#> title}}Due back {{dueIn}}{{/title}}
{{#> p}}Hello {{fullName}},{{/p}}
{{#> p}}{{#if many}}The following {{count}} items are{{else}}The following item is{{/if}} due back {{dueIn}}.{{/p}}
{{> items}}
{{#> p}}{{#if many}}Get the items ready and check their condition.{{else}}Get the item ready and check its condition.{{/if}} All accessories must be included.{{/p}}
{{/layout}}
`,
  'RAPPEL_J2.text': `Due back {{dueIn}}

Hello {{fullName}},

{{#if many}}The following {{count}} items are{{else}}The following item is{{/if}} due back {{dueIn}}.

{{> items}}

{{#if many}}Get the items ready and check their condition.{{else}}Get the item ready and check its condition.{{/if}} All accessories must be included.
{{> footer}}
`,
  'RAPPEL_J1.subject': `🚨 Return {{dueIn}}: {{what}}`,
  'RAPPEL_J1.html': `{{#> layout}}
{{#> tag}}Urgent reminder{{/tag}}
{{#> title}}Due back {{dueIn}}{{/title}}
{{#> p}}Hello {{fullName}},{{/p}}
{{#> p}}{{#if many}}Your {{count}} loans end {{dueIn}}.{{else}}Your loan ends {{dueIn}}.{{/if}}{{/p}}
{{> items}}
{{#> p}}What to do:{{/p}}
{{#> list}}
{{#> li}}Stop using {{#if many}}the items{{else}}the item{{/if}}{{/li}}
{{#> li}}Clean {{#if many}}the items{{else}}the item{{/if}}{{/li}}
{{#> li}}Check all accessories{{/li}}
{{/list}}
{{#> p}}Late returns may incur late fees.{{/p}}
{{/layout}}
`,
  'RAPPEL_J1.text': `Due back {{dueIn}}

Hello {{fullName}},

{{#if many}}Your {{count}} loans end {{dueIn}}.{{else}}Your loan ends {{dueIn}}.{{/if}}

{{> items}}

What to do:
- Stop using {{#if many}}the items{{else}}the item{{/if}}
- Clean {{#if many}}the items{{else}}the item{{/if}}
- Check all accessories

Late returns may incur late fees.
{{> footer}}
`,
  'RAPPEL_FINAL.subject': `🔴 Return {{dueIn}}: {{what}}`,
  'RAPPEL_FINAL.html': `{{#> layout}}
{{#> tag}}Final reminder{{/tag}}
{{#> title}}Due back {{dueIn}}{{/title}}
{{#> p}}Hello {{fullName}},{{/p}}
{{#> p}}{{#if many}}The following {{count}} items{{else}}The following item{{/if}} must be returned {{dueIn}}.{{/p}}
{{> items}}
{{#> p}}Consequences of a late return:{{/p}}
{{#> list}}
{{#> li}}Late fees apply{{/li}}
{{#> li}}Penalties for non-return{{/li}}
{{#> li}}Restrictions on future loans{{/li}}
{{/list}}
{{#> p}}Bring {{#if many}}the items{{else}}the item{{/if}} to the return point as soon as possible.{{/p}}
{{/layout}}
`,
  'RAPPEL_FINAL.text': `Due back {{dueIn}}

Hello {{fullName}},

{{#if many}}The following {{count}} items{{else}}The following item{{/if}} must be returned {{dueIn}}.

{{> items}}

Consequences of a late return:
- Late fees apply
- Penalties for non-return
- Restrictions on future loans

Bring {{#if many}}the items{{else}}the item{{/if}} to the return point as soon as possible.
{{> footer}}
`,
  'RETARD.subject': `⚠️ {{#if repeated}}Notice no. {{level}}: {{/if}}{{#if many}}{{count}} items overdue{{else}}Item overdue: {{what}}{{/if}}`,
  'RETARD.html': `{{#> layout}}
{{#> tag}}Overdue{{/tag}}
{{#> title}}{{#if many}}Items overdue{{else}}Item overdue{{/if}}{{/title}}
{{#> p}}Hello {{fullName}},{{/p}}
{{#> p}}{{#if many}}The following {{count}} items are{{else}}The following item is{{/if}} overdue{{#if lateFor}} ({{lateFor}}){{/if}}.{{#if repeated}} This is notice no. {{level}}.{{/if}}{{/p}}
{{> items}}
{{#> p}}Current situation:{{/p}}
{{#> list}}
{{#> li}}{{#if many}}Items not returned{{else}}Item not returned{{/if}}{{/li}}
{{#> li}}Return overdue{{/li}}
{{#> li}}Fees applied{{/li}}
{{/list}}
{{#> p}}Return {{#if many}}the items{{else}}the item{{/if}} as soon as possible. If there is a problem, contact us immediately.{{/p}}
{{/layout}}
`,
  'RETARD.text': `{{#if many}}Items overdue{{else}}Item overdue{{/if}}

Hello {{fullName}},

{{#if many}}The following {{count}} items are{{else}}The following item is{{/if}} overdue{{#if lateFor}} ({{lateFor}}){{/if}}.{{#if repeated}} This is notice no. {{level}}.{{/if}}

{{> items}}

Current situation:
- {{#if many}}Items not returned{{else}}Item not returned{{/if}}
- Return overdue
- Fees applied

Return {{#if many}}the items{{else}}the item{{/if}} as soon as possible. If there is a problem, contact us immediately.
{{> footer}}
`,
  'RESTITUTION.subject': `✨ {{#if many}}{{count}} items returned, thank you{{else}}Item returned, thank you: {{what}}{{/if}}`,
  'RESTITUTION.html': `{{#> layout}}
{{#> tag}}Closed{{/tag}}
{{#> title}}{{#if many}}Items returned, thank you{{else}}Item returned, thank you{{/if}}{{/title}}
{{#> p}}Hello {{fullName}},{{/p}}
{{#> p}}{{#if many}}Your {{count}} loans have been officially closed.{{else}}Your loan has been officially closed.{{/if}}{{/p}}
{{> items}}
{{#> p}}Thank you for using our equipment lending service. You can request a new loan at any time.{{/p}}
{{/layout}}
`,
  'RESTITUTION.text': `{{#if many}}Items returned, thank you{{else}}Item returned, thank you{{/if}}

Hello {{fullName}},

{{#if many}}Your {{count}} loans have been officially closed.{{else}}Your loan has been officially closed.{{/if}}

{{> items}}

Thank you for using our equipment lending service. You can request a new loan at any time.
{{> footer}}
`,
};
