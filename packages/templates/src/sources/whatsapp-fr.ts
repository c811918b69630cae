// The French texts are the ones that RadGestMat already sends: with one item they must not change by a byte.
export const whatsappFr: Record<string, string> = {
  items: `{{#if many}}
{{#each items}}
📦 {{name}} ({{code}})
{{#if showDue}}
📅 {{date}}{{#unless late}} 🕐 {{time}}{{/unless}}
{{/if}}
{{/each}}
{{#if more}}
… et {{more}} de plus
{{/if}}
{{else}}
📦 Matériel: {{item.name}}
🏷️ Référence: {{item.code}}
{{/if}}
`,
  CREATION: `✅ {{#if many}}Emprunts Confirmés{{else}}Emprunt Confirmé{{/if}}

Bonjour {{firstName}}!

Votre demande d'emprunt a été confirmée:

{{> items}}
{{#if sameDue}}
📅 Date retour: {{item.date}}
🕐 Heure retour: {{item.time}}
{{/if}}

✅ Vous pouvez retirer {{#if many}}les {{count}} matériels{{else}}le matériel{{/if}} au point de distribution.

Pour toute question, contactez-nous{{#if contact}}: {{contact}}{{else}}!{{/if}}
`,
  RAPPEL_2H: `⏰ RAPPEL - {{timeLeft}} avant la restitution!

Bonjour {{firstName}},

Vous devez restituer {{#if many}}les {{count}} matériels suivants{{else}}le matériel suivant{{/if}} dans {{timeLeft}}:

{{> items}}
{{#if sameDue}}
🕐 Heure limite: {{item.time}}
{{/if}}

⚠️ Vérifiez que {{#if many}}les matériels sont{{else}}le matériel est{{/if}} en bon état avant la restitution.

📍 Apportez {{#if many}}les matériels{{else}}le matériel{{/if}} au point de retour.
`,
  RAPPEL_J2: `📋 RAPPEL - Restitution {{dueIn}}

Bonjour {{firstName}},

Vous avez emprunté {{#if many}}{{count}} matériels qui doivent être restitués{{else}}un matériel qui doit être restitué{{/if}} {{dueIn}}:

{{> items}}
{{#if sameDue}}
📅 Date retour: {{item.date}}
🕐 Heure retour: {{item.time}}
{{/if}}

{{#if many}}Préparez les matériels et vérifiez leur état.{{else}}Préparez le matériel et vérifiez son état.{{/if}}

✅ Tous les accessoires doivent être inclus.
`,
  RAPPEL_J1: `🚨 RAPPEL URGENT - Restitution {{DUE_IN}}!

Bonjour {{firstName}},

{{#if many}}Vos {{count}} emprunts expirent{{else}}Votre emprunt expire{{/if}} {{DUE_IN}}:

{{> items}}
{{#if sameDue}}
📅 Date retour: {{item.date}}
🕐 Heure limite: {{item.time}}
{{/if}}

⚠️ Actions requises:
• Arrêtez l'utilisation {{#if many}}des matériels{{else}}du matériel{{/if}}
• Nettoyez {{#if many}}les matériels{{else}}le matériel{{/if}}
• Vérifiez tous les accessoires

❌ Le dépassement peut entraîner des frais de retard.
`,
  RAPPEL_FINAL: `🔴 CRITIQUE - RESTITUTION {{DUE_IN}}!

URGENT {{firstName}}!

{{#if many}}Les {{count}} matériels DOIVENT être restitués{{else}}Le matériel DOIT être restitué{{/if}} {{DUE_IN}}:

{{> items}}
{{#if sameDue}}
⏰ Heure limite: {{item.time}}
{{/if}}

🚨 CONSÉQUENCES du dépassement:
• Frais de retard applicables
• Pénalités de non-restitution
• Restriction d'emprunt futur

✅ Apportez {{#if many}}les matériels{{else}}le matériel{{/if}} AU PLUS TÔT au point de retour.
`,
  RETARD: `⚠️ ALERTE - {{#if many}}MATÉRIELS{{else}}MATÉRIEL{{/if}} EN RETARD

{{firstName}},

{{#if many}}Les {{count}} matériels suivants sont{{else}}Le matériel suivant est{{/if}} EN RETARD:

{{> items}}
{{#if sameDue}}
📅 Date retour prévue: {{item.date}}
{{/if}}

🚨 Situation actuelle:
• {{#if many}}Matériels non restitués{{else}}Matériel non restitué{{/if}}
• Retard en cours{{#if repeated}}{{#if lateFor}}: {{lateFor}}{{/if}} (relance n° {{level}}){{/if}}
• Frais appliqués

✅ Action immédiate requise:
Restituez {{#if many}}les matériels{{else}}le matériel{{/if}} dès que possible!

Pour tout problème, contactez-nous immédiatement{{#if contact}}: {{contact}}{{else}}.{{/if}}
`,
  RESTITUTION: `✨ {{#if many}}MATÉRIELS RESTITUÉS{{else}}MATÉRIEL RESTITUÉ{{/if}} - MERCI!

Bonjour {{firstName}},

{{#if many}}Vos {{count}} emprunts ont été officiellement clôturés{{else}}Votre emprunt a été officiellement clôturé{{/if}}:

{{> items}}
✅ Statut: {{#if many}}Restitués{{else}}Restitué{{/if}} avec succès

📊 {{#if many}}Détails des emprunts{{else}}Détails de l'emprunt{{/if}}:
• Durée: {{duration}}
• Restitué le: {{returnedAt}}

Merci d'avoir utilisé notre service de gestion des matériels!

📈 Vous pouvez à nouveau faire une demande d'emprunt.
👍 Bon travail!
`,
};
