export const whatsappEn: Record<string, string> = {
  items: `{{#if many}}
{{#each items}}
📦 {{name}} ({{code}})
{{#if showDue}}
📅 {{date}}{{#unless late}} 🕐 {{time}}{{/unless}}
{{/if}}
{{/each}}
{{#if more}}
… and {{more}} more
{{/if}}
{{else}}
📦 Item: {{item.name}}
🏷️ Reference: {{item.code}}
{{/if}}
`,
  CREATION: `✅ {{#if many}}Loans Confirmed{{else}}Loan Confirmed{{/if}}

Hello {{firstName}}!

Your loan request has been confirmed:

{{> items}}
{{#if sameDue}}
📅 Return date: {{item.date}}
🕐 Return time: {{item.time}}
{{/if}}

✅ You can collect {{#if many}}the {{count}} items{{else}}the item{{/if}} at the pick-up point.

If you have any questions, contact us{{#if contact}}: {{contact}}{{else}}!{{/if}}
`,
  RAPPEL_2H: `⏰ REMINDER - {{timeLeft}} left before return!

Hello {{firstName}},

You must return {{#if many}}these {{count}} items{{else}}the following item{{/if}} within {{timeLeft}}:

{{> items}}
{{#if sameDue}}
🕐 Deadline: {{item.time}}
{{/if}}

⚠️ Check that {{#if many}}the items are{{else}}the item is{{/if}} in good condition before returning {{#if many}}them{{else}}it{{/if}}.

📍 Bring {{#if many}}the items{{else}}the item{{/if}} to the return point.
`,
  RAPPEL_J2: `📋 REMINDER - Return due {{dueIn}}

Hello {{firstName}},

You borrowed {{#if many}}{{count}} items that are{{else}}an item that is{{/if}} due back {{dueIn}}:

{{> items}}
{{#if sameDue}}
📅 Return date: {{item.date}}
🕐 Return time: {{item.time}}
{{/if}}

Get {{#if many}}the items{{else}}the item{{/if}} ready and check {{#if many}}their{{else}}its{{/if}} condition.

✅ All accessories must be included.
`,
  RAPPEL_J1: `🚨 URGENT REMINDER - Return due {{DUE_IN}}!

Hello {{firstName}},

{{#if many}}Your {{count}} loans end{{else}}Your loan ends{{/if}} {{DUE_IN}}:

{{> items}}
{{#if sameDue}}
📅 Return date: {{item.date}}
🕐 Deadline: {{item.time}}
{{/if}}

⚠️ What to do:
• Stop using {{#if many}}the items{{else}}the item{{/if}}
• Clean {{#if many}}the items{{else}}the item{{/if}}
• Check all accessories

❌ Late returns may incur late fees.
`,
  RAPPEL_FINAL: `🔴 CRITICAL - RETURN DUE {{DUE_IN}}!

URGENT {{firstName}}!

{{#if many}}The {{count}} items{{else}}The item{{/if}} MUST be returned {{DUE_IN}}:

{{> items}}
{{#if sameDue}}
⏰ Deadline: {{item.time}}
{{/if}}

🚨 CONSEQUENCES of a late return:
• Late fees apply
• Penalties for non-return
• Restrictions on future loans

✅ Bring {{#if many}}the items{{else}}the item{{/if}} to the return point AS SOON AS POSSIBLE.
`,
  RETARD: `⚠️ ALERT - {{#if many}}ITEMS{{else}}ITEM{{/if}} OVERDUE

{{firstName}},

{{#if many}}These {{count}} items are{{else}}The following item is{{/if}} OVERDUE:

{{> items}}
{{#if sameDue}}
📅 Expected return date: {{item.date}}
{{/if}}

🚨 Current situation:
• {{#if many}}Items{{else}}Item{{/if}} not returned
• Return overdue{{#if repeated}}{{#if lateFor}}: {{lateFor}}{{/if}} (notice no. {{level}}){{/if}}
• Fees applied

✅ Immediate action required:
Return {{#if many}}the items{{else}}the item{{/if}} as soon as possible!

If there is a problem, contact us immediately{{#if contact}}: {{contact}}{{else}}.{{/if}}
`,
  RESTITUTION: `✨ {{#if many}}ITEMS{{else}}ITEM{{/if}} RETURNED - THANK YOU!

Hello {{firstName}},

{{#if many}}Your {{count}} loans have{{else}}Your loan has{{/if}} been officially closed:

{{> items}}
✅ Status: Successfully returned

📊 Loan details:
• Duration: {{duration}}
• Returned at: {{returnedAt}}

Thank you for using our equipment lending service!

📈 You can request a new loan at any time.
👍 Keep up the good work!
`,
};
