/** Something the user can put right: told without a stack. */
export class Complaint extends Error {}
