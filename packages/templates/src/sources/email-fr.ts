export const emailFr: Record<string, string> = {
  'footer.html': `<p class="soft line" style="margin:0;padding:16px 0 0;border-top:1px solid #e5e7eb;font-size:13px;line-height:20px;color:#4b5563;overflow-wrap:anywhere">
{{#if contact}}
Contact&nbsp;: {{contact}}<br>
{{/if}}
Ce message automatique concerne votre emprunt de matériel.
{{#if unsubscribeUrl}}
<br><a class="soft" href="{{unsubscribeUrl}}" style="color:#4b5563;text-decoration:underline">Ne plus recevoir ces rappels</a>
{{/if}}
</p>
`,
  'footer.text': `
--
{{sender}}
{{#if contact}}
Contact : {{contact}}
{{/if}}
Ce message automatique concerne votre emprunt de matériel.
{{#if unsubscribeUrl}}
Ne plus recevoir ces rappels : {{unsubscribeUrl}}
{{/if}}
`,
  'items.html': `{{#if many}}
{{#> table}}
{{#each items}}
{{> entry}}
{{/each}}
{{/table}}
{{#if more}}
{{#> p}}… et {{more}} de plus{{/p}}
{{/if}}
{{else}}
{{#> table}}
{{#> row label="Matériel"}}{{item.name}}{{/row}}
{{#> row label="Référence"}}{{item.code}}{{/row}}
{{#if isReturned}}
{{#> row label="Restitué"}}{{> moment item}}{{/row}}
{{#> row label="Durée"}}{{durationText}}{{/row}}
{{else}}
{{#if item.late}}
{{#> row label="Retour prévu"}}{{> moment item}}{{/row}}
{{else}}
{{#> row label="À rendre"}}{{> moment item}}{{/row}}
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
- … et {{more}} de plus
{{/if}}
{{else}}
Matériel : {{item.name}}
Référence : {{item.code}}
{{#if isReturned}}
Restitué : {{item.when}}
Durée : {{durationText}}
{{else}}
{{#if item.late}}Retour prévu{{else}}À rendre{{/if}} : {{item.when}}
{{/if}}
{{/if}}
`,
  'CREATION.subject': `✅ {{#if many}}Emprunts confirmés{{else}}Emprunt confirmé{{/if}} : {{what}}`,
  'CREATION.html': `{{#> layout}}
{{#> tag}}Confirmé{{/tag}}
{{#> title}}{{#if many}}Vos emprunts sont confirmés{{else}}Votre emprunt est confirmé{{/if}}{{/title}}
{{#> p}}Bonjour {{fullName}},{{/p}}
{{#> p}}Votre demande d'emprunt a été confirmée. Vous pouvez retirer {{#if many}}les matériels{{else}}le matériel{{/if}} au point de distribution.{{/p}}
{{> items}}
{{#> p}}{{#if many}}Pensez à les rapporter{{else}}Pensez à le rapporter{{/if}} au point de retour à la date indiquée.{{/p}}
{{#> p}}Pour toute question, contactez-nous.{{/p}}
{{/layout}}
`,
  'CREATION.text': `{{#if many}}Vos emprunts sont confirmés{{else}}Votre emprunt est confirmé{{/if}}

Bonjour {{fullName}},

Votre demande d'emprunt a été confirmée. Vous pouvez retirer {{#if many}}les matériels{{else}}le matériel{{/if}} au point de distribution.

{{> items}}

{{#if many}}Pensez à les rapporter{{else}}Pensez à le rapporter{{/if}} au point de retour à la date indiquée.

Pour toute question, contactez-nous.
{{> footer}}
`,
  'RAPPEL_2H.subject': `⏰ Restitution dans {{timeLeft}} : {{what}}`,
  'RAPPEL_2H.html': `{{#> layout}}
{{#> tag}}Rappel{{/tag}}
{{#> title}}À rendre dans {{timeLeft}}{{/title}}
{{#> p}}Bonjour {{fullName}},{{/p}}
{{#> p}}{{#if many}}Les {{count}} matériels suivants sont à rendre{{else}}Le matériel suivant est à rendre{{/if}} dans {{timeLeft}}.{{/p}}
{{> items}}
{{#> p}}{{#if many}}Vérifiez qu'ils sont en bon état, puis apportez-les au point de retour.{{else}}Vérifiez qu'il est en bon état, puis apportez-le au point de retour.{{/if}}{{/p}}
{{/layout}}
`,
  'RAPPEL_2H.text': `À rendre dans {{timeLeft}}

Bonjour {{fullName}},

{{#if many}}Les {{count}} matériels suivants sont à rendre{{else}}Le matériel suivant est à rendre{{/if}} dans {{timeLeft}}.

{{> items}}

{{#if many}}Vérifiez qu'ils sont en bon état, puis apportez-les au point de retour.{{else}}Vérifiez qu'il est en bon état, puis apportez-le au point de retour.{{/if}}
{{> footer}}
`,
  'RAPPEL_J2.subject': `📋 Restitution {{dueIn}} : {{what}}`,
  'RAPPEL_J2.html': `{{#> layout}}
{{#> tag}}Rappel{{/tag}}
{{#> title}}À rendre {{dueIn}}{{/title}}
{{#> p}}Bonjour {{fullName}},{{/p}}
{{#> p}}{{#if many}}Les {{count}} matériels suivants doivent être restitués{{else}}Le matériel suivant doit être restitué{{/if}} {{dueIn}}.{{/p}}
{{> items}}
{{#> p}}{{#if many}}Préparez les matériels et vérifiez leur état.{{else}}Préparez le matériel et vérifiez son état.{{/if}} Tous les accessoires doivent être inclus.{{/p}}
{{/layout}}
`,
  'RAPPEL_J2.text': `À rendre {{dueIn}}

Bonjour {{fullName}},

{{#if many}}Les {{count}} matériels suivants doivent être restitués{{else}}Le matériel suivant doit être restitué{{/if}} {{dueIn}}.

{{> items}}

{{#if many}}Préparez les matériels et vérifiez leur état.{{else}}Préparez le matériel et vérifiez son état.{{/if}} Tous les accessoires doivent être inclus.
{{> footer}}
`,
  'RAPPEL_J1.subject': `🚨 Restitution {{dueIn}} : {{what}}`,
  'RAPPEL_J1.html': `{{#> layout}}
{{#> tag}}Rappel urgent{{/tag}}
{{#> title}}À rendre {{dueIn}}{{/title}}
{{#> p}}Bonjour {{fullName}},{{/p}}
{{#> p}}{{#if many}}Vos {{count}} emprunts expirent {{dueIn}}.{{else}}Votre emprunt expire {{dueIn}}.{{/if}}{{/p}}
{{> items}}
{{#> p}}Actions requises&nbsp;:{{/p}}
{{#> list}}
{{#> li}}{{#if many}}Arrêtez l'utilisation des matériels{{else}}Arrêtez l'utilisation du matériel{{/if}}{{/li}}
{{#> li}}{{#if many}}Nettoyez les matériels{{else}}Nettoyez le matériel{{/if}}{{/li}}
{{#> li}}Vérifiez tous les accessoires{{/li}}
{{/list}}
{{#> p}}Le dépassement peut entraîner des frais de retard.{{/p}}
{{/layout}}
`,
  'RAPPEL_J1.text': `À rendre {{dueIn}}

Bonjour {{fullName}},

{{#if many}}Vos {{count}} emprunts expirent {{dueIn}}.{{else}}Votre emprunt expire {{dueIn}}.{{/if}}

{{> items}}

Actions requises :
- {{#if many}}Arrêtez l'utilisation des matériels{{else}}Arrêtez l'utilisation du matériel{{/if}}
- {{#if many}}Nettoyez les matériels{{else}}Nettoyez le matériel{{/if}}
- Vérifiez tous les accessoires

Le dépassement peut entraîner des frais de retard.
{{> footer}}
`,
  'RAPPEL_FINAL.subject': `🔴 Restitution {{dueIn}} : {{what}}`,
  'RAPPEL_FINAL.html': `{{#> layout}}
{{#> tag}}Dernier rappel{{/tag}}
{{#> title}}À rendre {{dueIn}}{{/title}}
{{#> p}}Bonjour {{fullName}},{{/p}}
{{#> p}}{{#if many}}Les {{count}} matériels suivants doivent être restitués{{else}}Le matériel suivant doit être restitué{{/if}} {{dueIn}}.{{/p}}
{{> items}}
{{#> p}}Conséquences du dépassement&nbsp;:{{/p}}
{{#> list}}
{{#> li}}Frais de retard applicables{{/li}}
{{#> li}}Pénalités de non-restitution{{/li}}
{{#> li}}Restriction d'emprunt futur{{/li}}
{{/list}}
{{#> p}}{{#if many}}Apportez les matériels au plus tôt au point de retour.{{else}}Apportez le matériel au plus tôt au point de retour.{{/if}}{{/p}}
{{/layout}}
`,
  'RAPPEL_FINAL.text': `À rendre {{dueIn}}

Bonjour {{fullName}},

{{#if many}}Les {{count}} matériels suivants doivent être restitués{{else}}Le matériel suivant doit être restitué{{/if}} {{dueIn}}.

{{> items}}

Conséquences du dépassement :
- Frais de retard applicables
- Pénalités de non-restitution
- Restriction d'emprunt futur

{{#if many}}Apportez les matériels au plus tôt au point de retour.{{else}}Apportez le matériel au plus tôt au point de retour.{{/if}}
{{> footer}}
`,
  'RETARD.subject': `⚠️ {{#if repeated}}Relance n° {{level}} : {{/if}}{{#if many}}{{count}} matériels en retard{{else}}Matériel en retard : {{what}}{{/if}}`,
  'RETARD.html': `{{#> layout}}
{{#> tag}}En retard{{/tag}}
{{#> title}}{{#if many}}Matériels en retard{{else}}Matériel en retard{{/if}}{{/title}}
{{#> p}}Bonjour {{fullName}},{{/p}}
{{#> p}}{{#if many}}Les {{count}} matériels suivants sont en retard{{else}}Le matériel suivant est en retard{{/if}}{{#if lateFor}} ({{lateFor}}){{/if}}.{{#if repeated}} Ceci est la relance n°&nbsp;{{level}}.{{/if}}{{/p}}
{{> items}}
{{#> p}}Situation actuelle&nbsp;:{{/p}}
{{#> list}}
{{#> li}}{{#if many}}Matériels non restitués{{else}}Matériel non restitué{{/if}}{{/li}}
{{#> li}}Retard en cours{{/li}}
{{#> li}}Frais appliqués{{/li}}
{{/list}}
{{#> p}}{{#if many}}Restituez les matériels dès que possible.{{else}}Restituez le matériel dès que possible.{{/if}} Pour tout problème, contactez-nous immédiatement.{{/p}}
{{/layout}}
`,
  'RETARD.text': `{{#if many}}Matériels en retard{{else}}Matériel en retard{{/if}}

Bonjour {{fullName}},

{{#if many}}Les {{count}} matériels suivants sont en retard{{else}}Le matériel suivant est en retard{{/if}}{{#if lateFor}} ({{lateFor}}){{/if}}.{{#if repeated}} Ceci est la relance n° {{level}}.{{/if}}

{{> items}}

Situation actuelle :
- {{#if many}}Matériels non restitués{{else}}Matériel non restitué{{/if}}
- Retard en cours
- Frais appliqués

{{#if many}}Restituez les matériels dès que possible.{{else}}Restituez le matériel dès que possible.{{/if}} Pour tout problème, contactez-nous immédiatement.
{{> footer}}
`,
  'RESTITUTION.subject': `✨ {{#if many}}{{count}} matériels restitués, merci{{else}}Matériel restitué, merci : {{what}}{{/if}}`,
  'RESTITUTION.html': `{{#> layout}}
{{#> tag}}Clôturé{{/tag}}
{{#> title}}{{#if many}}Matériels restitués, merci{{else}}Matériel restitué, merci{{/if}}{{/title}}
{{#> p}}Bonjour {{fullName}},{{/p}}
{{#> p}}{{#if many}}Vos {{count}} emprunts ont été officiellement clôturés.{{else}}Votre emprunt a été officiellement clôturé.{{/if}}{{/p}}
{{> items}}
{{#> p}}Merci d'avoir utilisé notre service de gestion des matériels. Vous pouvez à nouveau faire une demande d'emprunt.{{/p}}
{{/layout}}
`,
  'RESTITUTION.text': `{{#if many}}Matériels restitués, merci{{else}}Matériel restitué, merci{{/if}}

Bonjour {{fullName}},

{{#if many}}Vos {{count}} emprunts ont été officiellement clôturés.{{else}}Votre emprunt a été officiellement clôturé.{{/if}}

{{> items}}

Merci d'avoir utilisé notre service de gestion des matériels. Vous pouvez à nouveau faire une demande d'emprunt.
{{> footer}}
`,
};
