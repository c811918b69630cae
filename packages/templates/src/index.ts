export { createRenderer } from './renderer.ts';
export type { Renderer, RendererOptions } from './renderer.ts';
export { TemplateError } from './model.ts';
export type { MessageModel } from './model.ts';
export { builtInTemplates } from './sources.ts';
export { approvalListing } from './approval.ts';
export type { ApprovalText } from './approval.ts';
